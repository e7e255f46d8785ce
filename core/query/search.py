"""Finding the images of an index that are most like some vectors, as a person wants to see them.

Where the vectors come from is the business of `query.py` and `blend.py`.

Shapes, in this file: P vectors, D embedding dimensions, K matches.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import ImageRow
from core.datasets.duplicates import representatives
from core.datasets.filters import ALL_IMAGES, ImageFilter
from core.datasets.registry import Dataset
from core.indexes.store import MAX_MATCHES, Matches, VectorStore

GROWTH = 4
"""Times as many images are asked for where folding and thresholds have left too few: with 2, ten
copies of each image cost five looks at the index, with 4 three."""


@dataclass(frozen=True, slots=True)
class Match:
    """One of the images that are like the query."""

    image: ImageRow | None
    """Its catalog row; None when it was removed from the dataset after the index was built."""

    image_id: int
    similarity: float
    """Cosine similarity in [-1, 1]."""

    duplicates: tuple[int, ...] = ()
    """Catalog ids of its duplicates that were found too and are folded into it, best first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which matches are wanted.

    Raises:
        ValueError: A number is out of range.
    """

    k: int = 20
    """Matches, 1 to 1,000; more than there are gives all."""

    images: ImageFilter = ALL_IMAGES
    """Those that may be found. They are sought inside the index, so k stays k."""

    min_similarity: float = -1.0
    """Matches below it are left out."""

    fold: bool = False
    """Whether duplicates count as one match: the same bytes, or look-alikes that a check found."""

    def __post_init__(self) -> None:
        if not 1 <= self.k <= MAX_MATCHES:
            raise ValueError(f"k must be in 1..{MAX_MATCHES}, got {self.k}")
        if not -1 <= self.min_similarity <= 1:
            raise ValueError(f"min_similarity must be in -1..1, got {self.min_similarity}")


def search(
    store: VectorStore,
    dataset: Dataset,
    vectors: NDArray[np.float32],
    wanted: Wanted,
    leave_out: Collection[int] = (),
) -> list[Match]:
    """Find the images most like the vectors; of several vectors the best similarity counts.

    Args:
        store: The index.
        dataset: Whose images it holds.
        vectors: (P, D) float32 unit rows.
        wanted: Which matches.
        leave_out: Catalog ids that are no answer, such as the query's own.

    Returns:
        At most `wanted.k` matches, best first.
    """
    subset, labels = _among(dataset, wanted.images)
    most = store.count if subset is None else len(subset)
    asked = min(wanted.k + len(leave_out), most)
    while asked:
        found = store.search(vectors, asked, subset=subset, labels=labels)
        ranked = [
            (image_id, similarity)
            for image_id, similarity in _merged(found)
            if similarity >= wanted.min_similarity and image_id not in leave_out
        ]
        matches = _folded(dataset, ranked) if wanted.fold else _plain(ranked)
        # Fewer than were asked for are all there are; what lies below the threshold ends it too
        is_all = asked >= most or _worst(found) < wanted.min_similarity
        if is_all or len(matches) >= wanted.k:
            return _with_rows(dataset, matches[: wanted.k])
        asked = min(GROWTH * asked, most)
    return []


def gains(matches: Sequence[Match], others: Sequence[Match]) -> list[int | None]:
    """Return for each match by how many ranks the other answer has it higher; None if not at all.

    Positive where the other answer ranks it better, negative where worse.
    """
    ranks: Mapping[int, int] = {match.image_id: rank for rank, match in enumerate(others)}
    return [
        rank - ranks[match.image_id] if match.image_id in ranks else None
        for rank, match in enumerate(matches)
    ]


def _among(
    dataset: Dataset, images: ImageFilter
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return the ids that may be found (None: all), and the classes if just these are meant."""
    if images == ALL_IMAGES:
        return None, ()
    by_class_only = images == ImageFilter(labels=images.labels)
    ids = np.array(dataset.catalog.ids(images), np.int64)
    return ids, images.labels if by_class_only else ()


def _merged(found: Sequence[Matches]) -> list[tuple[int, float]]:
    """Return each image once, with the best of its similarities, best first."""
    best: dict[int, float] = {}
    for matches in found:
        for image_id, similarity in zip(
            matches.image_ids.tolist(), matches.similarities.tolist(), strict=True
        ):
            best[image_id] = max(similarity, best.get(image_id, similarity))
    return sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))


def _worst(found: Sequence[Matches]) -> float:
    """Return the greatest of the similarities below which nothing was looked at."""
    return max((float(m.similarities[-1]) for m in found if len(m.similarities)), default=-1.0)


def _plain(ranked: Sequence[tuple[int, float]]) -> list[Match]:
    return [Match(None, image_id, similarity) for image_id, similarity in ranked]


def _folded(dataset: Dataset, ranked: Sequence[tuple[int, float]]) -> list[Match]:
    representative = representatives(dataset.catalog, [image_id for image_id, _ in ranked])
    groups: dict[int, list[tuple[int, float]]] = {}
    for found in ranked:
        groups.setdefault(representative.get(found[0], found[0]), []).append(found)
    return [
        Match(None, *best, duplicates=tuple(image_id for image_id, _ in others))
        for best, *others in groups.values()
    ]


def _with_rows(dataset: Dataset, matches: Sequence[Match]) -> list[Match]:
    rows = dataset.catalog.rows_by_id(match.image_id for match in matches)
    return [replace(match, image=rows.get(match.image_id)) for match in matches]
