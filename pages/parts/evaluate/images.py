"""Gallery of queries: a row a query, the query image first and then its results."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.evaluation.measure_names import name_of
from pages.parts.components import navigation
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.tiles import GONE, tile_of
from state import resources

ROWS = 6
"""Queries on a page."""

RESULTS = 7
"""Results of each query in a row."""


MEASURE_WIDTH = 200
"""Width of the choice of a measure, in pixels."""


def choose_measure(measures: list[str], key: str) -> str:
    """Draw the choice of a measure, and return it."""
    measure = st.selectbox(
        "Metric",
        measures,
        format_func=name_of,
        key=key,
        label_visibility="collapsed",
        required=True,
        width=MEASURE_WIDTH,
    )
    return str(measure)


def page_of(queries: pd.DataFrame, key: str) -> pd.DataFrame:
    """Draw the pagination, and return the queries of the chosen page."""
    num_pages = -(-len(queries) // ROWS)
    # The number of pages is in the key, so that the page cannot exceed it
    page = st.pagination(num_pages, key=f"{key}-{num_pages}") if num_pages > 1 else 1
    return queries.iloc[(page - 1) * ROWS : page * ROWS]


def rows(
    dataset: Dataset,
    queries: pd.DataFrame,
    matches: str,
    captions: Sequence[str],
    *,
    key: str,
    label: str,
    num_results: int = RESULTS,
) -> None:
    """Draw a row a query; a click on an image opens the Query page with it.

    Args:
        dataset: Has the images.
        queries: To show, with the columns image_id, label and `matches`.
        matches: Name of the column with the ids of the results, separated by spaces.
        captions: Text under each query image.
        key: Widget key.
        label: Accessible name of the gallery.
        num_results: Results of each query to show.
    """
    results = [list(map(int, ids.split()))[:num_results] for ids in queries[matches]]
    query_ids = [int(image_id) for image_id in queries["image_id"]]
    by_id = dataset.catalog.rows_by_id([*query_ids, *(i for row in results for i in row)])
    resources.make_thumbnails(dataset, list(by_id.values()))
    tiles: list[Tile] = []
    images: list[int] = []
    for image_id, own, caption, ids in zip(
        query_ids, queries["label"], captions, results, strict=True
    ):
        query = by_id.get(image_id)
        tiles.append(_tile(dataset, query, len(tiles), caption, "selected"))
        for rank in range(num_results):
            match = by_id.get(ids[rank]) if rank < len(ids) else None
            mark = "hit" if match and match.label == own else "miss"
            gone = GONE if rank < len(ids) else "no result"
            tiles.append(_tile(dataset, match, len(tiles), f"{rank + 1}", mark, gone))
        images += [image_id, *ids, *[image_id] * (num_results - len(ids))]
    clicked = gallery(tiles, key=key, columns=num_results + 1, tile_px=128, label=label)
    if clicked is not None:
        navigation.query_by(images[clicked])


def _tile(
    dataset: Dataset, image: ImageRow | None, number: int, caption: str, mark: str, gone: str = GONE
) -> Tile:
    title = (image.label or "") if image else ""
    mark = mark if image else ""
    return tile_of(dataset, image, id=number, title=title, caption=caption, mark=mark, gone=gone)
