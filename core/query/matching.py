"""Find the indexed images nearest to query vectors, with filters, thresholds and deduplication.

Shapes, in this file: P vectors of a query, D embedding dimensions, K results.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from core.datasets.coded import read_ids
from core.datasets.columns import ALL_IMAGES, ImageFilter
from core.datasets.duplicates import representatives
from core.datasets.registry import Dataset
from core.indexes.store import Matches, VectorStore
from core.query.query import SearchOptions
from core.query.result import Match

GROWTH = 4
"""Factor by which a search goes deeper when deduplication and thresholds leave too few matches:
with 2, ten copies of each image cost five searches, with 4 three."""


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """What one query is searched by."""

    vectors: NDArray[np.float32]
    """(P, D) unit rows; an image's similarity is the highest one with any of them."""

    excluded: frozenset[int] = frozenset()
    """Catalog ids that are never matches."""


@dataclass(frozen=True, slots=True)
class Found:
    """The matches of one query."""

    lists: list[list[Match]]
    """For each of some options, best first."""

    shortfall: str = ""
    """How many of the images an approximate index has returned and why, if the first list is short
    of matches and the index has not returned all images; else empty."""


@dataclass(frozen=True, slots=True)
class _Ranking:
    """The nearest images of one query, as far as the index was searched."""

    ranked: list[tuple[int, float]]
    """Image id and similarity, best first."""

    floor: float
    """An image that is not ranked has at most this similarity."""

    is_complete: bool
    """Whether there is nothing left to search."""

    num_images: int
    """Number of images to search among, without excluded ones."""

    def shortfall(self, store: VectorStore) -> str:
        """See `Found.shortfall`."""
        if not self.is_complete or len(self.ranked) >= self.num_images or not store.limit:
            return ""
        return f"{len(self.ranked):,} of {self.num_images:,}: {store.limit}"


def find_matches(
    store: VectorStore, dataset: Dataset, queries: Sequence[QueryVectors], options: SearchOptions
) -> list[list[Match]]:
    """Find the images nearest to each query, searched together: at most `options.k`, best first."""
    return [found.lists[0] for found in find_match_lists(store, dataset, queries, (options,))]


def find_match_lists(
    store: VectorStore,
    dataset: Dataset,
    queries: Sequence[QueryVectors],
    options: Sequence[SearchOptions],
) -> list[Found]:
    """Find matches by several options in the same search of the index, among the same images.

    Returns:
        For each query a list of matches for each of `options`.
    """
    images = options[0].images
    found = [Found([[] for _ in options]) for _ in queries]
    pending = list(range(len(queries)))
    excluded = max((len(query.excluded) for query in queries), default=0)
    depth = max(each.k for each in options) + excluded
    for rankings in _deeper_rankings(store, dataset, queries, images, depth, pending):
        groups = _groups(dataset, rankings.values(), options)
        for number, ranking in rankings.items():
            lists = [_select(ranking, each, groups) for each in options]
            if all(selected is not None for selected in lists):
                is_short = len(lists[0] or []) < options[0].k
                found[number] = Found(
                    [selected or [] for selected in lists],
                    ranking.shortfall(store) if is_short else "",
                )
                pending.remove(number)
    return _with_rows(dataset, found)


def _deeper_rankings(
    store: VectorStore,
    dataset: Dataset,
    queries: Sequence[QueryVectors],
    images: ImageFilter,
    depth: int,
    pending: list[int],
) -> Iterator[dict[int, _Ranking]]:
    """Yield the rankings of the pending queries, each time deeper, until none is pending."""
    subset, labels = _subset(dataset, images)
    most = store.count if subset is None else len(subset)
    depth = min(depth, most)
    while pending and depth:
        numbers = list(pending)
        vectors = np.concatenate([queries[number].vectors for number in numbers])
        results = iter(store.search(vectors, depth, subset=subset, labels=labels))
        yield {
            number: _ranking(
                list(islice(results, len(queries[number].vectors))),
                queries[number].excluded,
                is_complete=depth >= most,
                num_images=most - len(queries[number].excluded),
            )
            for number in numbers
        }
        depth = min(GROWTH * depth, most)


def _ranking(
    results: Sequence[Matches], excluded: frozenset[int], *, is_complete: bool, num_images: int
) -> _Ranking:
    """Merge the results of a query's vectors: each image once, with its best similarity."""
    best: dict[int, float] = {}
    for matches in results:
        for image_id, similarity in zip(
            matches.image_ids.tolist(), matches.similarities.tolist(), strict=True
        ):
            if image_id not in excluded:
                best[image_id] = max(similarity, best.get(image_id, similarity))
    ranked = sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))
    ends = [float(m.similarities[-1]) for m in results if len(m.similarities)]
    return _Ranking(ranked, max(ends, default=-1.0), is_complete, num_images)


def _select(
    ranking: _Ranking, options: SearchOptions, groups: Mapping[int, int]
) -> list[Match] | None:
    """Return the matches of a ranking; None if a deeper search can find more."""
    similar = [pair for pair in ranking.ranked if pair[1] >= options.min_similarity]
    if options.deduplicate:
        members: dict[int, list[tuple[int, float]]] = {}
        for pair in similar:
            members.setdefault(groups.get(pair[0], pair[0]), []).append(pair)
        matches = [
            Match(None, *best, duplicates=tuple(image_id for image_id, _ in others))
            for best, *others in members.values()
        ]
    else:
        matches = [Match(None, image_id, similarity) for image_id, similarity in similar]
    is_all = ranking.is_complete or ranking.floor < options.min_similarity
    return matches[: options.k] if is_all or len(matches) >= options.k else None


def _groups(
    dataset: Dataset, rankings: Iterable[_Ranking], options: Sequence[SearchOptions]
) -> Mapping[int, int]:
    """Return the representative of each ranked image, if any of the options deduplicates."""
    if not any(each.deduplicate for each in options):
        return {}
    ids = {image_id for ranking in rankings for image_id, _ in ranking.ranked}
    return representatives(dataset.catalog, ids)


def _subset(
    dataset: Dataset, images: ImageFilter
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Return the ids to search among (None: all), and the classes if the filter is just these."""
    if images == ALL_IMAGES:
        return None, ()
    by_class_only = images == ImageFilter(labels=images.labels)
    ids = read_ids(dataset.catalog, images)
    return ids, images.labels if by_class_only else ()


def _with_rows(dataset: Dataset, found: list[Found]) -> list[Found]:
    rows = dataset.catalog.rows_by_id(
        {match.image_id for each in found for matches in each.lists for match in matches}
    )
    return [
        replace(
            each,
            lists=[
                [replace(match, image=rows.get(match.image_id)) for match in matches]
                for matches in each.lists
            ],
        )
        for each in found
    ]
