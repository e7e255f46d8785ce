"""Pages and links between them. A link carries the selection, so that one Back leads back."""

from pathlib import Path
from typing import NoReturn

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from core.images.cropping import WHOLE, Crop
from state import query_url, session
from state.view import Parameters, to_parameters

HERE = Path(__file__).parent
MARK, WORDMARK = HERE / "mark.svg", HERE / "wordmark.svg"

PATHS = {
    "Datasets": ("pages/datasets.py", ":material/photo_library:"),
    "Training": ("pages/training.py", ":material/model_training:"),
    "Indexes": ("pages/indexes.py", ":material/hub:"),
    "Query": ("pages/query.py", ":material/image_search:"),
    "Explore": ("pages/explore.py", ":material/scatter_plot:"),
    "Evaluate": ("pages/evaluate.py", ":material/monitoring:"),
    "Data quality": ("pages/data_quality.py", ":material/troubleshoot:"),
}
GROUPS = {
    "Prepare": ("Datasets", "Training", "Indexes"),
    "Use": ("Query", "Explore", "Evaluate", "Data quality"),
}
OLD_PATHS = {"finders": "Data quality"}
"""Addresses of the release before → page. Each has a script in pages/: on a server that has not run
`Home.py` yet, Streamlit knows the scripts there only."""


def icon_of(title: str) -> str:
    """Return the name of a page's Material icon."""
    return PATHS[title][1].removeprefix(":material/").removesuffix(":")


def go(title: str) -> NoReturn:
    """Switch to the page of that title."""
    st.switch_page(PATHS[title][0], query_params=_address(title))


def query_by(*image_ids: int, crop: Crop = WHOLE) -> NoReturn:
    """Switch to the Query page, with a query by images of the dataset, or by a crop of one."""
    session.query_by_image(*image_ids, crop=crop)
    go("Query")


def pages() -> list[StreamlitPage]:
    """Return all pages but the first, in the order of the work."""
    named = [st.Page(path, title=title, icon=icon) for title, (path, icon) in PATHS.items()]
    return named + [st.Page(f"pages/{name}.py", visibility="hidden") for name in OLD_PATHS]


def redirect(page: StreamlitPage) -> None:
    """Switch to the page that an old address stands for, with the selection that it names."""
    if page.url_path in OLD_PATHS:
        go(OLD_PATHS[page.url_path])


def sidebar(first: StreamlitPage) -> None:
    """Draw the name and the links to all pages."""
    st.logo(str(WORDMARK), size="large", icon_image=str(MARK))
    with st.sidebar:
        st.page_link(first, query_params=_address(first.title))
        for group, titles in GROUPS.items():
            st.caption(group)
            for title in titles:
                path, icon = PATHS[title]
                st.page_link(path, label=title, icon=icon, query_params=_address(title))


def _address(title: str) -> Parameters:
    chosen = session.selection()
    own = {"Datasets": to_parameters(chosen.view), "Query": query_url.to_parameters(chosen.query)}
    return {**session.url_parameters(chosen), **own.get(title, {})}
