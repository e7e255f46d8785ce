"""Tiles of a gallery from catalog rows and matches."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from core.datasets import curation
from core.datasets.columns import ImageRow, Split
from core.datasets.registry import Dataset
from pages.parts.components.gallery import Tile
from state import resources

if TYPE_CHECKING:
    from core.query.result import Match

SHORT_SPLITS: dict[str, str] = {Split.TRAIN: "train", Split.VALIDATION: "val", Split.TEST: "test"}
GONE = "no longer in the dataset"


def tiles_of(dataset: Dataset, rows: Sequence[ImageRow]) -> list[Tile]:
    """Return a tile for each image, with its class (or file name) and split."""
    resources.make_thumbnails(dataset, rows)
    return [
        tile_of(
            dataset,
            row,
            id=row.id,
            title=row.label or PurePosixPath(row.path).name,
            caption=SHORT_SPLITS.get(row.split or "", ""),
        )
        for row in rows
    ]


def tiles_with_tags(dataset: Dataset, rows: Sequence[ImageRow]) -> list[Tile]:
    """Return the same with tags, excluded images marked."""
    tags = curation.tags_of(dataset.catalog, [row.id for row in rows])
    return [
        replace(tile, chips=tuple(tags.get(row.id, ())), mark="excluded" if row.excluded else "")
        for tile, row in zip(tiles_of(dataset, rows), rows, strict=True)
    ]


def tiles_of_matches(
    dataset: Dataset, matches: "Sequence[Match]", wanted_label: str | None, *, first_rank: int = 1
) -> list[Tile]:
    """Return a tile for each match, with rank, class, split and similarity.

    If the query's class is known (`wanted_label`), matches are marked as hits and misses.
    """
    resources.make_thumbnails(dataset, [match.image for match in matches if match.image])
    return [
        _match_tile(dataset, match, rank, wanted_label)
        for rank, match in enumerate(matches, first_rank)
    ]


def tile_of(dataset: Dataset, row: ImageRow | None, *, gone: str = GONE, **fields: Any) -> Tile:
    """Return the tile of an image; `gone` is the note of one that is not in the dataset."""
    source, problem = resources.tile_source(dataset, row) if row else ("", gone)
    return Tile(src=source, note=problem, **fields)


def _match_tile(dataset: Dataset, match: "Match", rank: int, wanted_label: str | None) -> Tile:
    row = match.image
    caption = f"{match.similarity:.3f}"
    if row is None:
        return tile_of(dataset, None, id=match.image_id, title=f"{rank}", caption=caption)
    if row.split:
        caption += f" · {row.split}"
    title = f"{rank} · {row.label or row.path}"
    mark = ""
    if wanted_label is not None:
        mark = "hit" if row.label == wanted_label else "miss"
    tile = tile_of(dataset, row, id=row.id, title=title, caption=caption, mark=mark)
    return tile.with_chip(_duplicates(len(match.duplicates))) if match.duplicates else tile


def _duplicates(count: int) -> str:
    return f"+{count} duplicate{'s' if count > 1 else ''}"
