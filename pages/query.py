"""Query page: search by images; predicted class and most similar images."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset, open_dataset
from core.lineage.graph import MODEL_CHANGED, Lineage, read_lineage
from core.models.preprocessing import SQUASH
from core.query.query import ImageSource, Query
from pages.parts.components import errors, guards, waiting
from pages.parts.query import (
    batch,
    compare,
    history,
    images,
    match,
    results,
    search_options,
    upload,
)
from state import queries, resources, session
from state.query_images import label_of, sources_of


def single_query(dataset: Dataset, index: Manifest, model: Manifest, lineage: Lineage) -> None:
    """Show the query on the left and its result on the right."""
    grid = st.grid(3, min_column_width=160, gap="medium")  # Beside each other at 800 pixels, too
    left, right = grid.cell(), grid.cell(column_span=2)
    query = session.read_query()
    with left:
        upload.show(dataset)
        history.show(dataset, query)  # First: it is the way back from a query that fails
    with errors.shown(right.error):
        sources = sources_of(query, dataset)
        with left:
            images.show(query, sources, squashed=model.config["network"].get("fit") == SQUASH)
            search_options.show(dataset, query)
            other = compare.choose(index, lineage)
        with right:
            _results(dataset, query, sources, index, model, other)


def _results(
    dataset: Dataset,
    query: Query,
    sources: list[ImageSource],
    index: Manifest,
    model: Manifest,
    other: tuple[Manifest, Manifest] | None,
) -> None:
    if not query.is_searchable:
        st.info("Upload an image, or take one from the dataset, to see what is like it.")
        return
    with waiting.in_place("Searching…", "query-answer") as place:
        result = queries.search(query, sources, index, model, dataset)
        other_result = other and queries.search(query, sources, *other, dataset)
    label = label_of(query, sources)
    if other_result is not None:
        compare.show(dataset, result, other_result, label, place)
        return
    results.verdict(result, model, dataset, place)
    seconds = results.matches(dataset, result, label)
    results.times({**result.seconds, **seconds}, result.batch_size - len(sources) + 1)
    match.show(dataset, result, sources, model)


def main(index: Manifest, model: Manifest, lineage: Lineage) -> None:
    """Show the page for the current index."""
    dataset = open_dataset(resources.workspace(), index.made_from["dataset"])
    asking, many = st.tabs(
        [":material/image_search: One question", ":material/table_rows: Many at once"],
        key="query-ways",
        on_change="rerun",
    )
    if asking.open:
        with asking:
            single_query(dataset, index, model, lineage)
    if many.open:
        with many:
            batch.show(index)


chosen = session.enter_page()
st.title("Query")
read = read_lineage(resources.workspace())
current = guards.require_index(chosen, read, "A query")
embedded_by = read.model(current.made_from["model"])
if embedded_by is None or read.stale_reason(current) == MODEL_CHANGED:
    guards.stop_without("Indexes", "The model of this index is gone or was trained anew.")
main(current, embedded_by, read)
