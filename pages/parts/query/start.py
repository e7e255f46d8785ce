"""The Query page without a query: a drop zone, and images of the dataset to search by."""

import streamlit as st

from core.datasets.registry import Dataset
from core.query.query import Query, QueryImage
from pages.parts.components.gallery import gallery
from pages.parts.components.tiles import tiles_of
from pages.parts.query import search_options, upload
from state import queries, session

EXAMPLES = 16


def show(dataset: Dataset, query: Query) -> None:
    """Show the drop zone, the search options and the examples."""
    with upload.show(dataset, compact=False):
        search_options.show(dataset, query, width="content")
    examples(dataset, query)


def examples(dataset: Dataset, query: Query) -> None:
    """Show images of the dataset; the one that is clicked becomes the query."""
    ids = queries.example_ids(dataset, EXAMPLES)
    rows = dataset.catalog.rows_by_id(ids)
    st.caption("Images of the dataset")
    tiles = tiles_of(dataset, [rows[image_id] for image_id in ids if image_id in rows])
    clicked = gallery(tiles, key="query-examples", label="Example images")
    if clicked is not None:
        session.set_query(query.with_only([QueryImage(image_id=clicked)]))
        st.rerun()
