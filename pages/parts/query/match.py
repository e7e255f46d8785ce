"""Panel of one match, beside the matches: similarity map, metadata and actions."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.images.cropping import WHOLE
from core.query.query import ImageSource, Query, QueryImage
from core.query.result import Match, QueryResult
from pages.parts.components import dialogs, errors
from pages.parts.components.text import size
from pages.parts.query.regions import regions
from state import queries, session
from state.query_images import thumbnail_uri

SIDE = 480
"""Longest side of the two images, in pixels."""


def show(
    panel: DeltaGenerator,
    dataset: Dataset,
    result: QueryResult,
    sources: Sequence[ImageSource],
    model: Manifest,
) -> None:
    """Fill the panel with the open match; leave it empty if none is open."""
    matches = result.matches
    open_match = session.selection().open_match
    place = next((at for at, each in enumerate(matches) if each.image_id == open_match), None)
    if place is None:
        return
    match = matches[place]
    with panel.container(key="query-match", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader("Match", anchor=False, width="stretch")
            st.button("Close", key="match-close", type="tertiary", shortcut="Esc", on_click=_open)
        dialogs.steps(place, len(matches), lambda at: _open(matches[at].image_id), key="match")
        if match.image is None:
            st.warning("This image is no longer in the dataset. Update the index to remove it.")
            return
        _actions(result.query, match.image_id)
        _similarity_map(result, sources, model, dataset, match)
        dialogs.metadata(_metadata(match, match.image))


def _metadata(match: Match, row: ImageRow) -> dict[str, str]:
    known = {
        "Similarity": f"{match.similarity:.4f}",
        "Class": row.label or "none",
        "Split": row.split or "none",
        "Size": f"{row.width:,} × {row.height:,} px, {size(row.size_bytes)}",
        "Path": row.path,
    }
    if match.duplicates:
        known["Duplicates"] = f"{len(match.duplicates):,}"
    return known


def _open(image_id: int | None = None) -> None:
    session.selection().open_match = image_id


def _actions(query: Query, image_id: int) -> None:
    more = query.with_examples([image_id], positive=True)
    less = query.with_examples([image_id], positive=False)
    alone = query.with_only([QueryImage(image_id=image_id)])
    with st.container(horizontal=True, gap="small"):
        for text, key, icon, then in (
            ("Use as query", "by", ":material/image_search:", alone),
            ("More like this", "more", ":material/add:", more),
            ("Less like this", "less", ":material/remove:", less),
        ):
            st.button(text, key=f"match-{key}", icon=icon, on_click=session.set_query, args=(then,))


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
            st.caption("Compared with the first query image.")
