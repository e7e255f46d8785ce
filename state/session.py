"""Selection of a browser tab. The only module that uses `st.session_state`."""

import runpy
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.datasets.columns import ImageFilter
from core.images.cropping import WHOLE, Crop
from core.query.query import Query, QueryImage
from core.workspace import PROJECT
from state import query_url
from state import view as views
from state.history import History, Uploads
from state.toasts import Toast
from state.view import QualityView, View

URL_FIELDS = ("dataset", "model", "index")
"""Fields of `Selection` that are parameters of the URL, for links and reloads."""

QUERY_FIELDS = (*query_url.FIELDS, *query_url.OLD_FIELDS)


@dataclass
class Selection:
    """What is selected in a tab; a name that is None is not set."""

    dataset: str | None = None
    model: str | None = None
    index: str | None = None
    query: Query = field(default_factory=Query)
    """The query of the Query page; also in its URL, except for uploads."""

    history: History = field(default_factory=History)
    """The queries before it."""

    uploads: Uploads = field(default_factory=Uploads)
    """The uploaded images of these queries."""

    selected_matches: frozenset[int] = frozenset()
    """Catalog ids of the matches selected on the Query page."""

    open_match: int | None = None
    """Catalog id of the match in the dialog of the Query page."""

    compared_index: str | None = None
    """Id of the index whose results the Query page shows beside those of the current one."""

    evaluation: str | None = None
    """Id of the evaluation on the Evaluate page."""

    open_confusion: tuple[str, str] | None = None
    """The classes of the open confusion on the Evaluate page: of the queries, of the matches."""

    view: View = field(default_factory=View)
    """The images that the Datasets page shows; also in its URL, and kept here for links."""

    selected_images: frozenset[int] = frozenset()
    """Catalog ids of the images selected on the Datasets page."""

    selected_under: tuple[ImageFilter, int] | None = None
    """The filter and the revision of the catalog when they were selected."""

    open_image: tuple[int, int | None] | None = None
    """Catalog id of the image in the dialog of the Datasets page, and its place in the view."""

    labeling_selected: frozenset[int] = frozenset()
    """Catalog ids of the images selected in the label assistant."""

    quality_view: QualityView = field(default_factory=QualityView)
    """What the Data quality page shows."""

    quality_selected: frozenset[int] = frozenset()
    """Catalog ids of the images selected on the Data quality page."""

    quality_open: int | None = None
    """Catalog id of the image in the dialog of the Data quality page."""

    launched_jobs: list[str] = field(default_factory=list)
    """Ids of jobs started in this tab whose results are not selected yet."""

    map_event: dict[str, Any] = field(default_factory=dict)
    """Map id → what was last selected or clicked on it, and the version of what was drawn then."""

    map_reference: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Map id → catalog ids of a selection that others are compared with."""

    map_linked: tuple[str, list[int]] | None = None
    """Of two maps side by side: the id of the one with the last selection, and its catalog ids."""

    map_clears: int = 0
    """Number of times that a button cleared a selection."""

    dismissed_jobs: list[str] = field(default_factory=list)
    """Ids of ended jobs whose outcome was dismissed in this tab."""

    open_job: str | None = None
    """Id of the job in the dialog of the jobs menu."""

    toasts: list[Toast] = field(default_factory=list)
    """Toasts of the next run."""

    is_url_outdated: bool = False
    """Whether the URL still names images of a dataset that is no longer selected."""

    def reset_images(self) -> None:
        """Reset what refers to images of the dataset, before another one is selected."""
        self.is_url_outdated = True
        self.open_image, self.open_match, self.compared_index = None, None, None
        self.selected_images, self.view, self.selected_matches = frozenset(), View(), frozenset()
        self.evaluation, self.open_confusion = None, None
        self.query, self.history = Query(), History()
        self.quality_view, self.quality_selected = QualityView(), frozenset()
        self.quality_open, self.labeling_selected = None, frozenset()


def selection() -> Selection:
    """Return the selection of this tab; a new tab starts with that of its URL."""
    if "selection" not in st.session_state:
        fresh = Selection()
        for name in URL_FIELDS:
            setattr(fresh, name, st.query_params.get(name))
        st.session_state["selection"] = fresh
    chosen: Selection = st.session_state["selection"]
    return chosen


def queue_toast(sentence: str) -> None:
    """Queue a toast for the next run; a rerun drops a toast that is drawn before it."""
    selection().toasts.append(Toast(sentence))


def pop_toasts() -> list[Toast]:
    """Return the queued toasts, and empty the queue."""
    chosen = selection()
    popped, chosen.toasts = chosen.toasts, []
    return popped


def announce_page() -> None:
    """Record for `enter_page` that `Home.py` runs the page."""
    st.session_state["announced"] = True


def enter_page() -> Selection:
    """Return the selection of this tab; the first call of every page.

    Until a server has run `Home.py` once, Streamlit takes `pages/` for the whole app, and a link
    to a page runs that page alone. `enter_page` then runs `Home.py`, which runs the page.
    """
    if not st.session_state.pop("announced", False):
        # No simpler way: only `st.navigation` ends Streamlit's mode for `pages/`, the mode has no
        # setting, and a rerun from here would stay in it
        runpy.run_path(str(PROJECT / "Home.py"), run_name="__main__")
        st.stop()
    return selection()


def url_parameters(chosen: Selection) -> dict[str, str]:
    """Return the selection as URL parameters, for links between pages."""
    named = {name: getattr(chosen, name) for name in URL_FIELDS}
    return {name: value for name, value in named.items() if value is not None}


def write_url(chosen: Selection) -> None:
    """Write the selection to the URL if it differs."""
    gone = (*URL_FIELDS, *QUERY_FIELDS) if chosen.is_url_outdated else URL_FIELDS
    chosen.is_url_outdated = False
    options = _parameters_beside(gone) | {k: [v] for k, v in url_parameters(chosen).items()}
    if options != _parameters_beside(()):
        st.query_params.from_dict(options)  # At once: each change is a history entry


def read_view() -> View:
    """Return the view of the Datasets page, as its URL says."""
    named = {name: st.query_params.get_all(name) for name in views.FIELDS}
    chosen = selection()
    chosen.view = views.from_parameters(named)
    return chosen.view


def set_view(view: View) -> None:
    """Set the view of the Datasets page, and its URL."""
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


def query_by_image(*image_ids: int, crop: Crop = WHOLE) -> None:
    """Set the query of the Query page to crops of images, before switching to that page."""
    images = [QueryImage(image_id=image_id, crop=crop) for image_id in image_ids]
    _take(selection().query.with_only(images))


def set_widget(key: str, value: Any) -> str:
    """Set the value of the widget with that key; return the key."""
    st.session_state[key] = value
    return key


def value_of(key: str) -> Any:
    """Return the value of the widget with that key, or the remembered value, or None."""
    return st.session_state.get(key)


def remember(key: str, value: Any) -> None:
    """Store a value for later runs of this tab; `value_of` returns it."""
    st.session_state[key] = value


def _take(query: Query) -> None:
    chosen = selection()
    chosen.query, chosen.selected_matches, chosen.open_match = query, frozenset(), None
    chosen.history.take(query)


def _parameters_of(query: Query) -> dict[str, list[str]]:
    """Return a query's parameters as `st.query_params` returns them."""
    parameters = query_url.to_parameters(query)
    return {
        name: [value] if isinstance(value := parameters.get(name, []), str) else list(value)
        for name in query_url.FIELDS
    }


def _parameters_beside(names: Collection[str]) -> dict[str, list[str]]:
    """Return the other parameters of the URL."""
    return {name: st.query_params.get_all(name) for name in st.query_params if name not in names}
