"""What this browser tab has chosen. The only module that touches `st.session_state`."""

import runpy
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.datasets.columns import ImageFilter
from core.query.query import Query, QueryImage
from core.workspace import PROJECT
from state import query_url
from state import view as views
from state.history import History, Uploads
from state.quality_view import QualityView
from state.view import Parameters, View

URL_FIELDS = ("dataset", "model", "index")
"""What the address bar carries, so that a link or a reload comes back to the same place."""

QUERY_FIELDS = (*query_url.FIELDS, *query_url.OLD_FIELDS)


@dataclass
class Selection:
    """The tab's choices; each names something in the workspace or is None."""

    dataset: str | None = None
    model: str | None = None
    index: str | None = None
    query: Query = field(default_factory=Query)
    """What is asked on the Query page; its address says so, as far as it is no upload."""

    history: History = field(default_factory=History)
    """The questions before it."""

    uploads: Uploads = field(default_factory=Uploads)
    """The uploaded images among them."""

    marked: frozenset[int] = frozenset()
    """Catalog ids of the matches that are selected on the Query page."""

    open_match: int | None = None
    """Catalog id of the match in the dialog there."""

    compared: str | None = None
    """The index that the same question is put to beside the current one."""

    evaluation: str | None = None
    """The evaluation that is looked at on the Evaluate page."""

    pair: tuple[str, str] | None = None
    """The classes whose confusion is opened there: of the queries, of what they found."""

    view: View = field(default_factory=View)
    """Which images the Datasets page shows; its address says so, and this is kept for links."""

    picked: frozenset[int] = frozenset()
    """Catalog ids of the images selected there."""

    picked_among: tuple[ImageFilter, int] | None = None
    """The filter that showed them, and the catalog's revision then."""

    open_image: tuple[int, int | None] | None = None
    """Catalog id of the image in the dialog there, and its place in the view if it has one."""

    quality_view: QualityView = field(default_factory=QualityView)
    """What the Finders page shows."""

    quality_selected: frozenset[int] = frozenset()
    """Catalog ids of the images selected there."""

    quality_open: int | None = None
    """Catalog id of the image in the dialog there."""

    launched: list[str] = field(default_factory=list)
    """Jobs started from this tab whose results it has not taken over yet."""

    map_event: dict[str, Any] = field(default_factory=dict)
    """Map id → what was last selected or clicked on it, and the version of what was drawn then."""

    map_reference: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Map id → catalog ids of a selection that others are compared with."""

    map_linked: tuple[str, list[int]] | None = None
    """Of two maps beside each other: the one that was last drawn on, and the catalog ids there."""

    map_clears: int = 0
    """How often a selection was let go of by a button."""

    seen: list[str] = field(default_factory=list)
    """Ended jobs whose outcome was read and put away in this tab."""

    opened: float = field(default_factory=time.time)
    """When the tab was opened, in seconds since 1970."""

    notices: list[str] = field(default_factory=list)
    """Sentences to be said once: a choice that could not be kept."""

    toasts: list[str] = field(default_factory=list)
    """Sentences to be said in passing: what was just done."""

    has_left_images: bool = False
    """Whether the address still asks about images of a dataset that was left."""

    def leave_images(self) -> None:
        """Let go of what belongs to the images of one dataset, for another is to be chosen."""
        self.has_left_images = True
        self.open_image, self.open_match, self.compared = None, None, None
        self.picked, self.view, self.marked = frozenset(), View(), frozenset()
        self.evaluation, self.pair = None, None
        self.query, self.history = Query(), History()
        self.quality_view, self.quality_selected = QualityView(), frozenset()
        self.quality_open = None


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


def say(sentence: str) -> None:
    """Say in passing what was done, at the next run: a rerun swallows what is said before it."""
    selection().toasts.append(sentence)


def take_toasts() -> list[str]:
    """Return what is to be said in passing, and count it as said."""
    chosen = selection()
    toasts, chosen.toasts = chosen.toasts, []
    return toasts


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
    gone = (
        (*URL_FIELDS, *query_url.FIELDS, *query_url.OLD_FIELDS)
        if chosen.has_left_images
        else URL_FIELDS
    )
    chosen.has_left_images = False
    options = _parameters_beside(gone) | {k: [v] for k, v in address(chosen).items()}
    if options != _parameters_beside(()):
        st.query_params.from_dict(options)  # At once: each change is an entry in the history


def read_view() -> View:
    """Return which images the Datasets page shows: those that its address names."""
    named = {name: st.query_params.get_all(name) for name in views.FIELDS}
    chosen = selection()
    chosen.view = views.from_parameters(named)
    return chosen.view


def show_view(view: View) -> None:
    """Show other images on the Datasets page, or the same in another way."""
    selection().view = view
    options = _parameters_beside(views.FIELDS) | views.to_parameters(view)
    st.query_params.from_dict(options)


def read_query() -> Query:
    """Return the query of the Query page: that of its address, unless it is an upload."""
    parameters = {name: st.query_params.get_all(name) for name in st.query_params}
    named = query_url.read_parameters(parameters)
    chosen = selection()
    if _parameters_of(chosen.query) != named:  # A link, or a step in the browser's history
        same = (
            query for query in reversed(chosen.history.queries) if _parameters_of(query) == named
        )
        _take(next(same, None) or query_url.from_parameters(named))
    return chosen.query


def set_query(query: Query) -> None:
    """Set the query of the Query page, and its address."""
    _take(query)
    parameters = _parameters_beside(QUERY_FIELDS) | query_url.to_parameters(query)
    st.query_params.from_dict(parameters)


def query_by_image(*image_ids: int) -> None:
    """Set the query of the Query page to images of the dataset, before switching to that page."""
    _take(selection().query.with_only([QueryImage(image_id=image_id) for image_id in image_ids]))


def query_address() -> Parameters:
    """Return the query as the parameters of a link to the Query page."""
    return query_url.to_parameters(selection().query)


def control(key: str, value: Any) -> str:
    """Let the widget of that key show `value`, whatever it showed before; return the key."""
    st.session_state[key] = value
    return key


def value_of(key: str) -> Any:
    """Return what the widget of that key was set to, or what was remembered; None if nothing."""
    return st.session_state.get(key)


def remember(key: str, value: Any) -> None:
    """Keep a value that a component needs at its next run; `value_of` returns it."""
    st.session_state[key] = value


def _take(query: Query) -> None:
    chosen = selection()
    chosen.query, chosen.marked, chosen.open_match = query, frozenset(), None
    chosen.history.take(query)


def _parameters_of(query: Query) -> dict[str, list[str]]:
    """Return a query's parameters as `st.query_params` returns them."""
    parameters = query_url.to_parameters(query)
    return {
        name: [value] if isinstance(value := parameters.get(name, []), str) else list(value)
        for name in query_url.FIELDS
    }


def _parameters_beside(names: Collection[str]) -> dict[str, list[str]]:
    """Return what else the address carries."""
    return {name: st.query_params.get_all(name) for name in st.query_params if name not in names}
