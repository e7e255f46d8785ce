"""A page that takes long, for test_waiting.py in this folder."""

import time

import streamlit as st

from pages.parts.components import styles, waiting

SLOW_S = 8.0

st.set_page_config(layout="wide")
st.html(f"<style>{styles.SHEET}</style>")
left, right = st.columns(2)
is_slow = left.button("Take long")
left.file_uploader("A file")
with right:
    with waiting.in_place("This takes long…", "answer") as first_line:
        time.sleep(SLOW_S if is_slow else 0)
    if "short" not in st.query_params:
        first_line.markdown("How sure it is")
    st.markdown("An answer")
