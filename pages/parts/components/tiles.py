"""Tiles of a gallery from catalog rows and matches."""

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from pages.parts.components.gallery import Tile
from state import resources

if TYPE_CHECKING:
    from core.query.result import Match


def tiles_of(dataset: Dataset, rows: Sequence[ImageRow]) -> list[Tile]:
    """Return a tile for each image, with its class (or file name) and split."""
    resources.make_thumbnails(dataset, rows)
    return [
        _tile(dataset, row, row.label or PurePosixPath(row.path).name, row.split or "")
        for row in rows
    ]


def tiles_of_matches(
    dataset: Dataset, matches: "Sequence[Match]", wanted_label: str | None, *, first_rank: int = 1
) -> list[Tile]:
    """Return a tile for each match, with rank, class, split and similarity.

    Args:
        dataset: Dataset of the images.
        matches: Matches, best first.
        wanted_label: The query's class if it is known; matches are then marked.
        first_rank: Rank of the first match.
    """
    resources.make_thumbnails(dataset, [match.image for match in matches if match.image])
    return [
        _match_tile(dataset, match, rank, wanted_label)
        for rank, match in enumerate(matches, first_rank)
    ]


def _match_tile(dataset: Dataset, match: "Match", rank: int, wanted_label: str | None) -> Tile:
    caption = f"similarity {match.similarity:.3f}"
    if match.image is None:
        note = "no longer in the dataset"
        return Tile(id=match.image_id, src="", title=f"{rank}", caption=caption, note=note)
    if match.image.split:
        caption += f" · {match.image.split}"
    title = f"{rank} · {match.image.label or match.image.path}"
    mark = ""
    if wanted_label is not None:
        mark = "hit" if match.image.label == wanted_label else "miss"
    tile = _tile(dataset, match.image, title, caption, mark)
    return tile.with_chip(f"+{len(match.duplicates)} alike") if match.duplicates else tile


def _tile(dataset: Dataset, row: ImageRow, title: str, caption: str, mark: str = "") -> Tile:
    source, problem = resources.tile_source(dataset, row)
    return Tile(id=row.id, src=source, title=title, caption=caption, note=problem, mark=mark)
