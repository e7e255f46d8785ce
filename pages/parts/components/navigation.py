"""The ways from page to page. A link carries the choices, so that one Back leads back."""

from typing import NoReturn

import streamlit as st

from state import session
from state.view import Parameters, to_parameters

PATHS = {
    "Datasets": ("pages/datasets.py", ":material/photo_library:"),
    "Training": ("pages/training.py", ":material/model_training:"),
    "Indexes": ("pages/indexes.py", ":material/hub:"),
    "Query": ("pages/query.py", ":material/image_search:"),
    "Explore": ("pages/explore.py", ":material/scatter_plot:"),
    "Evaluate": ("pages/evaluate.py", ":material/monitoring:"),
    "Finders": ("pages/data_quality.py", ":material/troubleshoot:"),
}
GROUPS = {
    "Prepare": ("Datasets", "Training", "Indexes"),
    "Use": ("Query", "Explore", "Evaluate", "Finders"),
}


def go(title: str) -> NoReturn:
    """Leave for the page of that title."""
    st.switch_page(PATHS[title][0], query_params=_address(title))


def pages() -> list[st.Page]:
    """Return the pages beside the first one, in the order of the work."""
    return [st.Page(path, title=title, icon=icon) for title, (path, icon) in PATHS.items()]


def sidebar(first: st.Page) -> None:
    """Draw the links to all pages."""
    with st.sidebar:
        st.page_link(first, query_params=_address(first.title))
        for group, titles in GROUPS.items():
            st.caption(group)
            for title in titles:
                path, icon = PATHS[title]
                st.page_link(path, label=title, icon=icon, query_params=_address(title))


def _address(title: str) -> Parameters:
    chosen = session.selection()
    own = {"Datasets": to_parameters(chosen.view), "Query": session.query_address()}
    return {**session.address(chosen), **own.get(title, {})}
