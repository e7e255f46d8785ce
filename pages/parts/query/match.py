"""One match in a dialog: why it was found, what is known of it, and where to go from it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.images.cropping import WHOLE
from pages.parts.components.text import plain, size
from pages.parts.query.regions import regions
from state import queries, session
from state.query_images import Source
from state.query_pictures import picture
from state.query_view import QueryImage, Question

if TYPE_CHECKING:
    from core.query.search import Match

WIDTH = 960
"""Of the dialog, in pixels: two pictures side by side and what is said of them, in one look."""

SIDE = 480
"""Longest side of the two pictures, in pixels."""


def show(
    dataset: Dataset,
    matches: "Sequence[Match]",
    question: Question,
    sources: Sequence[Source],
    index: Manifest,
    model: Manifest,
) -> None:
    """Draw the dialog, if a match is open: again at every run, until it is closed."""
    if _place(matches) is not None:
        _dialog(dataset, matches, question, sources, index, model)


def _place(matches: "Sequence[Match]") -> int | None:
    """Return which of the matches is open; none is after a question that does not find it."""
    open_match = session.selection().open_match
    return next((at for at, found in enumerate(matches) if found.image_id == open_match), None)


def _close() -> None:
    session.selection().open_match = None


@st.dialog("Why it matches", width=WIDTH, on_dismiss=_close)
def _dialog(
    dataset: Dataset,
    matches: "Sequence[Match]",
    question: Question,
    sources: Sequence[Source],
    index: Manifest,
    model: Manifest,
) -> None:
    place = _place(matches)  # Asked here: a step through them runs nothing but the dialog again
    if place is None:
        return
    match = matches[place]
    _steps(matches, place)
    if match.image is None:
        st.warning("This image is no longer in the dataset. Update the index to take it out.")
        return
    _actions(question, match.image_id)
    _why(question, sources, index, model, dataset, match)
    row = match.image
    known = {
        "Similarity": f"{match.similarity:.4f}",
        "Class": row.label or "none",
        "Split": row.split or "none",
        "Size": f"{row.width:,} × {row.height:,} px, {size(row.size_bytes)}",
        "Path": row.path,
    }
    if match.duplicates:
        known["Duplicates"] = f"{len(match.duplicates)} more like it are folded into this one"
    st.markdown("  \n".join(f":gray[{name}] {plain(value)}" for name, value in known.items()))


def _steps(matches: "Sequence[Match]", place: int) -> None:
    """Draw the ways to the matches before and after; the arrow keys take them, too."""
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, key, step in (("Previous", "Left", -1), ("Next", "Right", 1)):
            other = place + step
            exists = 0 <= other < len(matches)
            st.button(
                label,
                key=f"match-{key.lower()}",
                shortcut=key,
                disabled=not exists,
                on_click=_open,
                args=(matches[other].image_id if exists else None,),
            )
        st.caption(f"Match {place + 1:,} of {len(matches):,}")


def _open(image_id: int | None) -> None:
    session.selection().open_match = image_id


def _actions(question: Question, image_id: int) -> None:
    with st.container(horizontal=True, gap="small"):
        for text, key, icon, then in (
            ("Search by this", "by", ":material/image_search:", question.of(_alone(image_id))),
            ("More like this", "more", ":material/add:", question.judged([image_id], liked=True)),
            (
                "Less like this",
                "less",
                ":material/remove:",
                question.judged([image_id], liked=False),
            ),
        ):
            if st.button(text, key=f"match-{key}", icon=icon):
                session.ask(then)
                st.rerun()


def _alone(image_id: int) -> list[QueryImage]:
    return [QueryImage(image_id=image_id)]


def _why(
    question: Question,
    sources: Sequence[Source],
    index: Manifest,
    model: Manifest,
    dataset: Dataset,
    match: "Match",
) -> None:
    """Draw the heat maps over the query and the match."""
    if match.image is None or not sources:
        return
    path = dataset.path_of(match.image)
    try:
        with st.spinner("Comparing regions…"):
            compared = queries.regions_of(question, sources[0], index, model, path)
            asked = picture(sources[0], question.images[0].crop, SIDE)
            found = picture(Source(match.image.path, path, match.image.sha256), WHOLE, SIDE)
    except WorkbenchError as error:
        st.warning(plain(str(error)))
        return
    regions(compared, asked, found, key="match-regions")
    if len(sources) > 1:
        st.caption("Compared with the first image of the query.")
