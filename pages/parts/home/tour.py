"""Tour of the first visit: five steps, until somebody dismisses it."""

import streamlit as st

from pages.parts.components import navigation
from state import resources
from state import tour as state

STEPS = (
    ("Import", "Datasets", "Folders, zips or samples become datasets."),
    ("Make searchable", "Indexes", "A model embeds the images; an index searches them."),
    ("Query", "Query", "Drop an image to see the most similar ones."),
    ("Explore", "Explore", "The map shows which images the model groups."),
    ("Evaluate", "Evaluate", "Metrics show how good the results are."),
)


def show() -> None:
    """Draw the steps, unless they were dismissed."""
    workspace = resources.workspace()
    if state.is_dismissed(workspace):
        return
    with st.container(border=True, key="home-tour"):
        with st.container(
            horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
        ):
            st.header("Five steps", anchor=False, width="content")
            st.button(
                "Dismiss",
                key="home-tour-dismiss",
                type="tertiary",
                icon=":material/close:",
                on_click=state.dismiss,
                args=(workspace,),
            )
        grid = st.grid(len(STEPS), min_column_width=150)
        for number, (title, page, sentence) in enumerate(STEPS, 1):
            icon = navigation.PATHS[page][1]
            with grid.cell():
                st.markdown(f"{icon} **{number} · {title}**  \n:gray[{sentence}]")
