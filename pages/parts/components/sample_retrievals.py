"""Sample retrievals: fixed queries, each with its matches."""

from collections.abc import Sequence

import streamlit as st

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.training.history import NUM_MATCHES, SampleRetrieval
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.tiles import tile_of
from state import resources

IDS_PER_SAMPLE = 10


def strip(
    dataset: Dataset, sample_retrievals: Sequence[SampleRetrieval], *, key: str, label: str
) -> None:
    """Draw each query with its matches in a row, hits framed green and misses red.

    `label` is the name of the queries for screen readers.
    """
    ids = {sample.image_id for sample in sample_retrievals}
    ids |= {image for sample in sample_retrievals for image, _ in sample.matches}
    rows = dataset.catalog.rows_by_id(ids)
    resources.make_thumbnails(dataset, list(rows.values()))
    grid = st.grid(2, min_column_width=340)
    half = -(-len(sample_retrievals) // 2)
    for column, part in enumerate((sample_retrievals[:half], sample_retrievals[half:])):
        if part:
            with grid.cell():
                tiles = [
                    tile
                    for number, sample in enumerate(part)
                    for tile in _row(dataset, rows, sample, number)
                ]
                gallery(
                    tiles,
                    key=f"{key}-{column}",
                    tile_px=56,
                    columns=1 + NUM_MATCHES,
                    label=f"{label}, column {column + 1}",
                )


def _row(
    dataset: Dataset, rows: dict[int, ImageRow], sample: SampleRetrieval, number: int
) -> list[Tile]:
    """Return a row's tiles: the query, its matches, then blanks."""
    first = number * IDS_PER_SAMPLE
    query = rows.get(sample.image_id)
    tiles = [
        tile_of(dataset, query, id=first, mark="selected", title=sample.label, gone="deleted"),
    ]
    for rank, (image_id, is_hit) in enumerate(sample.matches, 1):
        row = rows.get(image_id)
        title = (row.label or "") if row and not is_hit else ""
        mark = "" if not sample.label else "hit" if is_hit else "miss"
        tiles.append(tile_of(dataset, row, id=first + rank, mark=mark, title=title, gone="deleted"))
    for rank in range(len(tiles), 1 + NUM_MATCHES):
        tiles.append(Tile(id=first + rank, src="", note="none"))
    return tiles
