"""The app: `streamlit run Home.py`. The router and the Home page."""

from typing import Literal

import streamlit as st

from core.lineage.graph import read_lineage
from pages.parts.components import document, header, navigation, styles
from pages.parts.components.text import plain
from pages.parts.home import first_visit, workbench
from state import flush, page_of_fragments, resources, selection_rules, session

SIDEBAR_WIDTH = 220
"""In pixels, as in frame.css; in a window 800 wide the pages need the rest."""


def home() -> None:
    """Draw the first page: ways to begin, or what there is."""
    chosen, lineage = session.enter_page(), read_lineage(resources.workspace())
    actions = header.title("Home")
    if chosen.dataset is None:
        first_visit.show()
    else:
        workbench.show(chosen, lineage, actions)


def main() -> None:
    """Route to the page, with the header above it."""
    st.set_page_config(
        page_title=document.NAME,
        page_icon=str(navigation.MARK),
        layout="wide",
        initial_sidebar_state=SIDEBAR_WIDTH,
    )
    first = st.Page(home, title="Home", icon=":material/home:", default=True)
    page = st.navigation([first, *navigation.pages()], position="hidden")
    navigation.redirect(page)
    chosen, lineage = session.selection(), read_lineage(resources.workspace())
    selection_rules.adopt_results(chosen, resources.jobs(), lineage)
    selection_rules.validate(chosen, lineage)
    session.write_url(chosen)
    navigation.sidebar(first)
    styles.add(styles.SHEET)
    header.show(chosen, lineage)
    for toast in session.pop_toasts():
        icon = ":material/error:" if toast.is_error else ":material/check_circle:"
        duration: Literal["short", "infinite"] = "infinite" if toast.is_error else "short"
        st.toast(plain(toast.sentence), icon=icon, duration=duration)
    session.announce_page()
    page.run()


page_of_fragments.correct()
with flush.complete():
    main()
