"""The way from a query to its result: embed its images, combine them, search, vote.

Shapes, in this file: P query images, D embedding dimensions, C classes.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.datasets.columns import ALL_IMAGES
from core.datasets.registry import Dataset
from core.indexes.store import VectorStore
from core.query.fusion import fuse
from core.query.matching import Found, QueryVectors, find_match_lists, find_matches
from core.query.ood import OODReference, OutOfDistribution
from core.query.opened import EmbeddedImage, EmbeddedImages, OpenedIndex
from core.query.query import ImageSource, Query, SearchOptions
from core.query.result import Match, QueryResult
from core.query.vote import VOTERS, vote

if TYPE_CHECKING:
    from core.embeddings.files import Embeddings

NEIGHBORS = SearchOptions(k=VOTERS, deduplicate=True)
"""The images that vote and that the out-of-distribution score uses, whatever filter is set."""


def search(opened: OpenedIndex, query: Query, sources: Sequence[ImageSource] = ()) -> QueryResult:
    """Search an index by a query; `sources` has the content of each of its images.

    Raises:
        UnreadableImageError: An image of the query cannot be read.
        MissingError: The embeddings that examples are looked up in are gone.
        WorkbenchError: The images of the query cancel each other out.
        ValueError: The query has no positive image or example.
    """
    embedded = opened.embed(query.images, sources)
    [result] = search_embedded(opened, [query], [embedded], names=[s.name for s in sources[:1]])
    return result


def search_embedded(
    opened: OpenedIndex,
    queries: Sequence[Query],
    embedded: Sequence[EmbeddedImages],
    names: Sequence[str] = (),
) -> list[QueryResult]:
    """Search an index by queries with the same options, whose images are embedded, all together.

    Raises:
        MissingError: The embeddings that examples are looked up in are gone.
        WorkbenchError: The images of a query cancel each other out.
        ValueError: A query has no positive image or example.
    """
    if not queries:
        return []
    started = time.perf_counter()
    vectors = [
        QueryVectors(_vectors(opened, query, images), query.excluded_ids)
        for query, (images, _) in zip(queries, embedded, strict=True)
    ]
    found = _find(opened, vectors, queries[0].options)
    search_s = time.perf_counter() - started
    names = [*names, *[""] * (len(queries) - len(names))]
    return [
        _result(opened, query, images, found[number], search_s, names[number])
        for number, (query, images) in enumerate(zip(queries, embedded, strict=True))
    ]


def nearest_to_image(
    store: VectorStore, dataset: Dataset, embeddings: "Embeddings", image_id: int, k: int
) -> list[Match]:
    """Find the `k` images nearest to an indexed image by its saved embedding, without itself.

    Best first; empty if it is not indexed.
    """
    vectors = _rows_of(embeddings, [image_id])
    if not len(vectors):
        return []
    query = QueryVectors(vectors, frozenset([image_id]))
    [matches] = find_matches(store, dataset, [query], SearchOptions(k=k))
    return matches


def _find(
    opened: OpenedIndex, vectors: Sequence[QueryVectors], options: SearchOptions
) -> list[Found]:
    """Return the matches and the neighbors of each query.

    Both come from one search of the index, unless a filter restricts the matches.
    """
    store, dataset = opened.index.store, opened.dataset
    if options.images == ALL_IMAGES:
        return find_match_lists(store, dataset, vectors, (options, NEIGHBORS))
    found = find_match_lists(store, dataset, vectors, (options,))
    neighbors = find_match_lists(store, dataset, vectors, (NEIGHBORS,))
    return [
        replace(matches, lists=[*matches.lists, *near.lists])
        for matches, near in zip(found, neighbors, strict=True)
    ]


def _result(
    opened: OpenedIndex,
    query: Query,
    embedded: EmbeddedImages,
    found: Found,
    search_s: float,
    name: str,
) -> QueryResult:
    (matches, neighbors), (images, decode_s) = found.lists, embedded
    seconds = {"search": search_s}
    if images:
        wait_s = max(image.wait_s for image in images)
        embed_s = max(image.embed_s for image in images)
        seconds = {"decode": decode_s, "wait": wait_s, "embed": embed_s, "search": search_s}
    return QueryResult(
        query=query,
        name=name,
        index=opened.index.manifest,
        prediction=_prediction(query, images, opened.classes),
        vote=vote([match.label for match in neighbors], [match.similarity for match in neighbors]),
        matches=matches,
        shortfall=found.shortfall,
        out_of_distribution=_out_of_distribution(query, neighbors, opened.ood_reference),
        seconds=seconds,
        batch_size=max((image.batch_size for image in images), default=0),
    )


def _vectors(
    opened: OpenedIndex, query: Query, images: Sequence[EmbeddedImage]
) -> NDArray[np.float32]:
    """Return the (P, D) or (1, D) float32 unit rows to search by."""

    def embeddings(*, positive: bool) -> NDArray[np.float32]:
        rows = [
            image.embedding
            for image, described in zip(images, query.images, strict=True)
            if described.is_positive == positive
        ]
        return np.stack(rows) if rows else _no_rows(opened)

    negatives = [embeddings(positive=False), _indexed(opened, query.negatives)]
    return fuse(
        embeddings(positive=True),
        _indexed(opened, query.positives),
        np.concatenate(negatives),
        query.fusion,
    )


def _indexed(opened: OpenedIndex, ids: Sequence[int]) -> NDArray[np.float32]:
    """Return the (n, D) embeddings of indexed images; those that are not indexed are left out."""
    if not ids:
        return _no_rows(opened)
    return _rows_of(opened.embeddings(), ids)


def _rows_of(embeddings: "Embeddings", ids: Sequence[int]) -> NDArray[np.float32]:
    rows = embeddings.rows_of(np.array(sorted(ids), np.int64))
    return np.ascontiguousarray(embeddings.vectors[rows], np.float32)


def _no_rows(opened: OpenedIndex) -> NDArray[np.float32]:
    return np.empty((0, opened.index.store.dimension), np.float32)


def _prediction(
    query: Query, images: Sequence[EmbeddedImage], classes: Sequence[str]
) -> list[tuple[str, float]]:
    """Return each class with its mean probability over the positive images, highest first."""
    positive = [
        image.probabilities
        for image, described in zip(images, query.images, strict=True)
        if described.is_positive
    ]
    if not positive:
        return []
    mean = np.mean(positive, axis=0)
    return [(classes[c], float(mean[c])) for c in np.argsort(-mean, kind="stable")]


def _out_of_distribution(
    query: Query, neighbors: Sequence[Match], reference: OODReference | None
) -> OutOfDistribution | None:
    if reference is None or not neighbors or not query.is_single_image:
        return None
    return reference.compare(neighbors[0].similarity)
