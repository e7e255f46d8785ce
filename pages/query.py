"""Query page: search by images; predicted class and most similar images."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset, open_dataset
from core.images.squares import SQUASH
from core.lineage.graph import MODEL_CHANGED, Lineage, read_lineage
from core.query.query import ImageSource, Query
from pages.parts.components import empty, errors, guards, header, waiting
from pages.parts.query import (
    batch,
    compare,
    history,
    images,
    match,
    results,
    search_options,
    start,
    upload,
    verdict,
)
from state import queries, resources, session
from state.query_images import label_of, sources_of

SINGLE, BATCH = "Single query", "Batch"
MODES_WIDTH = 176
"""In pixels, so that its place is as wide before its script is loaded."""


def single_query(
    dataset: Dataset, index: Manifest, model: Manifest, lineage: Lineage, line: DeltaGenerator
) -> None:
    """Show the query, its matches, and beside them the open match."""
    query = session.read_query()
    history.show(dataset, line)  # First: it is the way back from a query that fails
    if not (query.images or query.positives or query.negatives):
        start.show(dataset, query)
        return
    with st.container(horizontal=True, gap="medium", key="query-page"):
        left, right, panel = (
            st.container(gap="small", key="query-side"),
            st.container(gap="xsmall", key="query-main"),
            st.container(),
        )
    with left:
        shown = st.container()
        upload.show(dataset, compact=True)
        history.examples(dataset, query)
    is_answered = False
    with errors.shown(right.error):
        sources = sources_of(query, dataset)
        with shown:
            images.show(
                dataset, query, sources, squashed=model.config["network"].get("fit") == SQUASH
            )
        with left:
            search_options.show(dataset, query)
            other = compare.choose(index, lineage)
        with right:
            _results(dataset, query, sources, index, model, other, panel)
        is_answered = True
    if not is_answered:
        with right:
            start.examples(dataset, query)


def _results(
    dataset: Dataset,
    query: Query,
    sources: list[ImageSource],
    index: Manifest,
    model: Manifest,
    other: tuple[Manifest, Manifest] | None,
    panel: DeltaGenerator,
) -> None:
    if not query.is_searchable:
        empty.state("add_photo_alternate", "Add a positive image to search.", key="positive")
        return
    with waiting.in_place("Searching…", "query-answer") as place:
        result = queries.search(query, sources, index, model, dataset)
        other_result = other and queries.search(query, sources, *other, dataset)
    label = label_of(query, sources)
    if other_result is not None:
        compare.show(dataset, result, other_result, label, place)
        return
    verdict.show(result, model, dataset, place)
    seconds = results.matches(dataset, result, label)
    results.times({**result.seconds, **seconds}, result.batch_size - len(sources) + 1)
    match.show(panel, dataset, result, sources, model)


def main(index: Manifest, model: Manifest, lineage: Lineage, line: DeltaGenerator) -> None:
    """Show the page for the current index; `line` has its title."""
    dataset = open_dataset(resources.workspace(), index.made_from["dataset"])
    mode = line.segmented_control(
        "Mode",
        (SINGLE, BATCH),
        default=SINGLE,
        required=True,
        key="query-mode",
        label_visibility="collapsed",
        persist_state="session",
        width=MODES_WIDTH,
    )
    line.space("stretch")
    if mode == BATCH:
        batch.show(index)
    else:
        single_query(dataset, index, model, lineage, line)


chosen = session.enter_page()
title_line = header.title("Query")
read = read_lineage(resources.workspace())
current = guards.require_index(chosen, read, "A query")
embedded_by = read.model(current.made_from["model"])
if embedded_by is None or read.stale_reason(current) == MODEL_CHANGED:
    guards.stop_without("Indexes", "The model of this index was deleted or trained again.")
main(current, embedded_by, read, title_line)
