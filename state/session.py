"""What this browser tab has chosen. The only module that touches `st.session_state`."""

import runpy
import time
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.workspace import PROJECT

URL_FIELDS = ("dataset", "model", "index")
"""What the address bar carries, so that a link or a reload comes back to the same place."""


@dataclass
class Selection:
    """The tab's choices; each names something in the workspace or is None."""

    dataset: str | None = None
    model: str | None = None
    index: str | None = None
    query_image: int | None = None
    """Catalog id of the dataset image that is the query; None for an upload."""

    launched: list[str] = field(default_factory=list)
    """Jobs started from this tab whose results it has not taken over yet."""

    map_event: dict[str, Any] = field(default_factory=dict)
    """Map id → what was last selected or clicked on it."""

    seen: list[str] = field(default_factory=list)
    """Ended jobs whose outcome was read and put away in this tab."""

    opened: float = field(default_factory=time.time)
    """When the tab was opened, in seconds since 1970."""

    notices: list[str] = field(default_factory=list)
    """Sentences to be said once: a choice that could not be kept."""


def selection() -> Selection:
    """Return this tab's choices; a new tab begins with those of its address."""
    if "selection" not in st.session_state:
        fresh = Selection()
        for name in URL_FIELDS:
            setattr(fresh, name, st.query_params.get(name))
        st.session_state["selection"] = fresh
    chosen: Selection = st.session_state["selection"]
    return chosen


def take_notices() -> list[str]:
    """Return the sentences that this tab has yet to be told, and count them as told."""
    chosen = selection()
    notices, chosen.notices = chosen.notices, []
    return notices


def announce_page() -> None:
    """Tell the page that is run next that Home.py has done its part."""
    st.session_state["announced"] = True


def enter_page() -> Selection:
    """Return this tab's choices to a page; the first call of each.

    Until Home.py has run once in a server, Streamlit takes pages/ for the whole app and runs a
    page that a link names by itself. Home.py is then run here, and runs the page as one of its own.
    """
    if not st.session_state.pop("announced", False):
        runpy.run_path(str(PROJECT / "Home.py"), run_name="__main__")
        st.stop()
    return selection()


def address(chosen: Selection) -> dict[str, str]:
    """Return the choices as an address carries them, for links from page to page."""
    named = {name: getattr(chosen, name) for name in URL_FIELDS}
    return {name: value for name, value in named.items() if value is not None}


def mirror_in_url(chosen: Selection) -> None:
    """Write the choices into the address bar, where they differ from what stands there."""
    others = {name: value for name, value in st.query_params.items() if name not in URL_FIELDS}
    wanted = others | address(chosen)
    if wanted != st.query_params.to_dict():
        st.query_params.from_dict(wanted)  # At once: each change is an entry in the history
