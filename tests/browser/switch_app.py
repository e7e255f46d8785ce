"""Two pages and a fragment above them, for test_page_switch.py in this folder."""

import streamlit as st

from state import page_of_fragments

page_of_fragments.correct()


@st.fragment
def part() -> None:
    st.button("Rerun the fragment")


@st.fragment(run_every=1.0)
def clock() -> None:
    st.text("in a fragment")


def first() -> None:
    st.text("the first page")


def second() -> None:
    st.text("start of the second page")
    clock()
    st.text("end of the second page")


pages = [
    st.Page(first, title="First", default=True),
    st.Page(second, title="Second", url_path="second"),
]
page = st.navigation(pages, position="hidden")
part()
st.page_link(pages[1])
page.run()
