"""Dialog of one match: similarity map, metadata and actions."""

from collections.abc import Sequence

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.images.cropping import WHOLE
from core.query.query import ImageSource, Query, QueryImage
from core.query.result import Match, QueryResult
from pages.parts.components import dialogs, errors
from pages.parts.components.text import size
from pages.parts.query.regions import regions
from state import queries, session
from state.query_images import thumbnail_uri

WIDTH = 960
"""Width of the dialog in pixels: two images side by side and their metadata."""

SIDE = 480
"""Longest side of the two images, in pixels."""


def show(
    dataset: Dataset, result: QueryResult, sources: Sequence[ImageSource], model: Manifest
) -> None:
    """Show the dialog while a match is open."""
    if _place(result.matches) is not None:
        _dialog(dataset, result, sources, model)


def _place(matches: Sequence[Match]) -> int | None:
    """Return the place of the open match; None if this query did not find it."""
    open_match = session.selection().open_match
    return next((at for at, found in enumerate(matches) if found.image_id == open_match), None)


def _close() -> None:
    session.selection().open_match = None


@st.dialog("Why it matches", width=WIDTH, on_dismiss=_close)
def _dialog(
    dataset: Dataset, result: QueryResult, sources: Sequence[ImageSource], model: Manifest
) -> None:
    matches, query = result.matches, result.query
    place = _place(matches)  # Read here: a step to another match reruns only the dialog
    if place is None:
        return
    match = matches[place]
    dialogs.steps(
        place,
        len(matches),
        lambda other: _open(matches[other].image_id),
        key="match",
        what="Match ",
    )
    if match.image is None:
        st.warning("This image is no longer in the dataset. Update the index to take it out.")
        return
    _actions(query, match.image_id)
    _similarity_map(result, sources, model, dataset, match)
    row = match.image
    known = {
        "Similarity": f"{match.similarity:.4f}",
        "Class": row.label or "none",
        "Split": row.split or "none",
        "Size": f"{row.width:,} × {row.height:,} px, {size(row.size_bytes)}",
        "Path": row.path,
    }
    if match.duplicates:
        known["Duplicates"] = f"{len(match.duplicates)} more like it are counted with this one"
    dialogs.metadata(known)


def _open(image_id: int | None) -> None:
    session.selection().open_match = image_id


def _actions(query: Query, image_id: int) -> None:
    more = query.with_examples([image_id], positive=True)
    less = query.with_examples([image_id], positive=False)
    alone = query.with_only([QueryImage(image_id=image_id)])
    with st.container(horizontal=True, gap="small"):
        for text, key, icon, then in (
            ("Search by this", "by", ":material/image_search:", alone),
            ("More like this", "more", ":material/add:", more),
            ("Less like this", "less", ":material/remove:", less),
        ):
            if st.button(text, key=f"match-{key}", icon=icon):
                session.set_query(then)
                st.rerun()


def _similarity_map(
    result: QueryResult,
    sources: Sequence[ImageSource],
    model: Manifest,
    dataset: Dataset,
    match: Match,
) -> None:
    """Show the similarity maps of the query and the match."""
    if match.image is None or not sources:
        return
    path = dataset.path_of(match.image)
    with errors.shown(st.warning):
        with st.spinner("Comparing regions…"):
            crop = result.query.images[0].crop
            compared = queries.compare_regions(sources[0], crop, result.index, model, path)
            ours = thumbnail_uri(sources[0], crop, SIDE)
            theirs = thumbnail_uri(
                ImageSource(match.image.path, path, match.image.sha256), WHOLE, SIDE
            )
        regions(compared, ours, theirs, key="match-regions")
        if len(sources) > 1:
            st.caption("Compared with the first image of the query.")
