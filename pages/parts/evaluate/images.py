"""Queries as pictures: a row for each, the query first and then what it found."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from pages.parts.components import navigation
from pages.parts.components.gallery import Tile, gallery
from state import resources, session

ROWS = 6
"""Queries on a page: as many as are seen at once."""

MATCHES = 7
"""Of each query; with the query itself they make a row."""


def pages_of(queries: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return the queries of the page that is chosen, after drawing what chooses it."""
    num_pages = -(-len(queries) // ROWS)
    # With its number in the key, or a page beyond the last could be kept
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
    num_matches: int = MATCHES,
    wanted: str | None = None,
) -> None:
    """Draw a row a query; a click on a picture goes on to the Query page with it.

    Args:
        dataset: Whose images they are.
        queries: Those to show, with the columns image_id, label and `matches`.
        matches: The column with the ids of what each found, spaces between.
        captions: What is said under each query.
        key: Widget key.
        label: What a screen reader calls the pictures.
        num_matches: How many of them are shown.
        wanted: Mark what is of this class; by default what is of the query's own.
    """
    found = [list(map(int, ids.split()))[:num_matches] for ids in queries[matches]]
    asked = [int(image_id) for image_id in queries["image_id"]]
    by_id = dataset.catalog.rows_by_id([*asked, *(i for row in found for i in row)])
    resources.make_thumbnails(dataset, list(by_id.values()))
    tiles: list[Tile] = []
    images: list[int] = []
    for image_id, label_, caption, ids in zip(
        asked, queries["label"], captions, found, strict=True
    ):
        tiles.append(_tile(dataset, by_id, image_id, len(tiles), caption, "selected"))
        for rank in range(num_matches):
            match = ids[rank] if rank < len(ids) else None
            mark = _mark(by_id.get(match or -1), wanted or str(label_))
            tiles.append(_tile(dataset, by_id, match, len(tiles), f"{rank + 1}", mark))
        images += [image_id, *ids, *[image_id] * (num_matches - len(ids))]
    clicked = gallery(tiles, key=key, columns=num_matches + 1, tile_px=128, label=label)
    if clicked is not None:
        session.query_by_image(images[clicked])
        navigation.go("Query")


def _mark(image: ImageRow | None, wanted: str) -> str:
    if image is None:
        return ""
    return "hit" if image.label == wanted else "miss"


def _tile(
    dataset: Dataset,
    by_id: Mapping[int, ImageRow],
    image_id: int | None,
    number: int,
    caption: str,
    mark: str,
) -> Tile:
    if image_id is None:
        return Tile(id=number, src="", caption=caption, note="nothing found")
    image = by_id.get(image_id)
    if image is None:
        return Tile(id=number, src="", caption=caption, note="no longer in the dataset")
    source, problem = resources.tile_source(dataset, image)
    title = image.label or ""
    return Tile(id=number, src=source, title=title, caption=caption, note=problem, mark=mark)
