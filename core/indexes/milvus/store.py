"""The vector index on a Milvus server: for more images or users than one machine serves.

Filling one from embeddings is the business of `milvus_filling.py`.

Shapes, in this file: Q queries, D embedding dimensions, K results, B images.
"""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.indexes.config import Metric
from core.indexes.milvus.calls import TIMEOUT_S, NotLoadedError, call
from core.indexes.milvus.collection import ID, VECTOR, Collection, ids_filter, labels_filter
from core.indexes.milvus.rows import STRONG, delete_rows, present, send
from core.indexes.store import Effort, Matches, check_added, check_search, nothing
from core.progress import finish

MAX_RESULTS = 16384
"""The server's own limit of results for one query."""

MAX_SUBSET = 1_000_000
"""Ids that a search may be kept to: the server reads some 20,000 of them a second."""

SUBSET_CHUNK = 50_000
"""Ids in one expression."""

QUERIES_CHUNK = 1024
BOUNDED = "Bounded"
"""A search may see what there was some five seconds ago; it takes milliseconds for that."""

FRESH_S = 10.0
"""After it wrote, this store searches what there is at that very moment for so long."""


class MilvusStore:
    """A collection on a Milvus server, searched and changed. Opening one asks nothing of it."""

    def __init__(self, collection: Collection) -> None:
        """Take over a collection that is there, filled and loaded."""
        self.collection = collection
        self._wrote_at = -math.inf

    @property
    def count(self) -> int:
        """How many images are indexed; asks the server."""
        [row] = self._ask(
            lambda client: client.query(
                self.collection.name,
                filter="",
                output_fields=["count(*)"],
                consistency_level=STRONG,
                timeout=TIMEOUT_S,
            )
        )
        return int(row["count(*)"])

    @property
    def dimension(self) -> int:
        """D, the length of an embedding."""
        return self.collection.dimension

    @property
    def effort(self) -> Effort | None:
        """What a search can be made more thorough by; None where every vector is looked at."""
        return self.collection.effort

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        *,
        subset: NDArray[np.int64] | None = None,
        labels: tuple[str, ...] = (),
        effort: int | None = None,
    ) -> list[Matches]:
        """See `VectorStore.search`; where `labels` are given, the server goes by those.

        Raises:
            WorkbenchError: The queries come from another model: their length differs; the server is
                away, has lost the index, or would have to give or to look through too much.
            ValueError: `k` or `effort` is below 1.
        """
        check_search(self.dimension, queries, k, effort)
        if k > MAX_RESULTS:
            k = self._affordable(k)
        if k == 0:
            return [nothing() for _ in queries]
        matches: list[Matches] = []
        for start in range(0, len(queries), QUERIES_CHUNK):
            part = queries[start : start + QUERIES_CHUNK]
            found = [
                self._search(part, k, expression, effort) for expression in _filters(subset, labels)
            ]
            matches += [_best(parts, k) for parts in zip(*found, strict=True)]
        return matches or [nothing() for _ in queries]

    def add(
        self,
        vectors: NDArray[np.float32],
        image_ids: NDArray[np.int64],
        labels: tuple[str, ...] = (),
    ) -> None:
        """See `VectorStore.add`.

        Raises:
            WorkbenchError: They are of another model or not of unit length, or the server is away.
        """
        check_added(self.dimension, vectors)
        finish(send(self.collection, vectors, image_ids, labels or ("",) * len(image_ids)))
        self._wrote_at = time.monotonic()

    def remove(self, image_ids: NDArray[np.int64]) -> int:
        """See `VectorStore.remove`.

        Raises:
            WorkbenchError: The server is away or has lost the index.
        """
        there = finish(present(self.collection, image_ids))  # It counts those that it was told
        finish(delete_rows(self.collection, there))
        self._wrote_at = time.monotonic()
        return len(there)

    def _affordable(self, k: int) -> int:
        wanted = min(k, self.count)
        if wanted > MAX_RESULTS:
            raise WorkbenchError(
                f"Milvus gives at most {MAX_RESULTS:,} results for a query, not {wanted:,}.",
                "Ask for fewer, or build the index with FAISS.",
            )
        return wanted

    def _search(
        self, queries: NDArray[np.float32], k: int, expression: str, effort: int | None
    ) -> list[Matches]:
        is_fresh = time.monotonic() - self._wrote_at < FRESH_S
        answers = self._ask(
            lambda client: client.search(
                self.collection.name,
                data=list(np.ascontiguousarray(queries, np.float32)),
                anns_field=VECTOR,
                limit=k,
                filter=expression,
                search_params={"params": self.collection.search_params(k, effort)},
                consistency_level=STRONG if is_fresh else BOUNDED,
                timeout=TIMEOUT_S,
            )
        )
        is_l2 = self.collection.config.metric == Metric.L2
        return [_matches(hits, is_l2=is_l2) for hits in answers]

    def _ask(self, question: Any) -> Any:
        """Ask the server; a collection that it has not in memory is loaded first."""
        collection = self.collection
        try:
            return call(collection.address, question)
        except NotLoadedError:  # It was started anew, or somebody released it
            call(
                collection.address,
                lambda client: client.load_collection(collection.name, timeout=TIMEOUT_S),
            )
            return call(collection.address, question)


def _filters(subset: NDArray[np.int64] | None, labels: tuple[str, ...]) -> Iterator[str]:
    """Yield the expressions, one at least, that together let through what may be found.

    Raises:
        WorkbenchError: There are too many ids to look through.
    """
    if labels:
        yield labels_filter(labels)
    elif subset is None:
        yield ""
    elif len(subset) > MAX_SUBSET:
        raise WorkbenchError(
            f"Milvus cannot search among {len(subset):,} images that are named one by one.",
            f"Choose classes, up to {MAX_SUBSET:,} images, or all of them.",
        )
    else:
        for start in range(0, max(1, len(subset)), SUBSET_CHUNK):
            yield ids_filter(subset[start : start + SUBSET_CHUNK])


def _matches(hits: Any, *, is_l2: bool) -> Matches:
    image_ids = np.fromiter((hit[ID] for hit in hits), np.int64, len(hits))
    scores = np.fromiter((hit["distance"] for hit in hits), np.float32, len(hits))
    if is_l2:
        scores = np.float32(1) - scores / np.float32(2)  # |a-b|² = 2 - 2·a·b of unit vectors
    return Matches(image_ids, scores)


def _best(parts: tuple[Matches, ...], k: int) -> Matches:
    """Return the `k` best of what was found in parts."""
    if len(parts) == 1:
        return parts[0]
    image_ids = np.concatenate([part.image_ids for part in parts])
    similarities = np.concatenate([part.similarities for part in parts])
    order = np.argsort(-similarities, kind="stable")[:k]
    return Matches(image_ids[order], similarities[order])
