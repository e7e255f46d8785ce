"""Query: images in, their category and the images most like them out."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset, open_dataset
from core.errors import WorkbenchError
from core.lineage.graph import MODEL_CHANGED, Lineage, read_lineage
from pages.parts.components import guards, waiting
from pages.parts.components.text import plain
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
from state.query_images import Source, label_of, sources_of
from state.query_view import Question


def one_question(dataset: Dataset, index: Manifest, model: Manifest, lineage: Lineage) -> None:
    """Draw what is asked on the left, and what is answered on the right."""
    grid = st.grid(3, min_column_width=160, gap="medium")  # Beside each other at 800 pixels, too
    left, right = grid.cell(), grid.cell(column_span=2)
    question = session.read_question()
    with left:
        upload.show(dataset)
        history.show(dataset, question)  # First, for a question that cannot be answered is left so
    try:
        sources = sources_of(question, dataset)
        with left:
            images.show(question, sources)
            search_options.show(dataset, question)
            other = compare.choose(index, lineage)
        with right:
            _answer(dataset, question, sources, index, model, other)
    except WorkbenchError as error:
        right.error(plain(str(error)))


def _answer(
    dataset: Dataset,
    question: Question,
    sources: list[Source],
    index: Manifest,
    model: Manifest,
    other: tuple[Manifest, Manifest] | None,
) -> None:
    if not question.is_asked:
        st.info("Upload an image, or take one from the dataset, to see what is like it.")
        return
    with waiting.in_place("Searching…", "query-answer") as place:
        found = queries.answer_of(question, sources, index, model, dataset)
        theirs = other and (other[0], queries.answer_of(question, sources, *other, dataset))
    label = label_of(question, sources)
    if theirs is not None:
        compare.show(dataset, question, (index, found), theirs, label, place)
        return
    results.verdict(found, model, dataset, place)
    asked = queries.asked_of(question, sources, index, found)
    seconds = results.matches(dataset, found, question, asked, label)
    results.times({**found.seconds, **seconds}, found.together - len(sources) + 1)
    match.show(dataset, found.matches, question, sources, index, model)


def main(index: Manifest, model: Manifest, lineage: Lineage) -> None:
    """Draw the page for a current index."""
    dataset = open_dataset(resources.workspace(), index.made_from["dataset"])
    asking, many = st.tabs(
        [":material/image_search: One question", ":material/table_rows: Many at once"],
        key="query-ways",
        on_change="rerun",
    )
    if asking.open:
        with asking:
            one_question(dataset, index, model, lineage)
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
