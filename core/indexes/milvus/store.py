"""`MilvusStore`: an index on a Milvus server, for more images or users than one machine serves.

Shapes, in this file: Q queries, D embedding dimensions, K results, B images.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.indexes.config import Metric
from core.indexes.milvus.calls import TIMEOUT_S, NotLoadedError, call
from core.indexes.milvus.collection import (
    CODE_BYTES,
    COLLECTION,
    ID,
    NLIST,
    VECTOR,
    Collection,
    ids_filter,
    labels_filter,
)
from core.indexes.milvus.rows import STRONG, delete_rows, present, send
from core.indexes.store import Effort, Matches, VectorStore, no_matches
from core.progress import finish

MAX_RESULTS = 16384
"""The server's limit of results per query."""

MAX_SUBSET = 1_000_000
"""Ids that a search may be restricted to: the server reads some 20,000 of them a second."""

SUBSET_CHUNK = 50_000
"""Ids per expression."""

QUERIES_CHUNK = 1024
BOUNDED = "Bounded"
"""Consistency level: a search takes milliseconds, and may miss the writes of some seconds."""

FRESH_S = 10.0
"""Seconds after a write of its own for which a store searches with strong consistency."""


class MilvusStore(VectorStore):
    """A collection on a Milvus server. Opening one does not call the server."""

    is_remote = True
    stores_labels = True

    def __init__(self, collection: Collection, *, is_fresh: bool = False) -> None:
        """Wrap a collection that is filled and loaded; a fresh one was written to just now."""
        self.collection = collection
        self._wrote_at = time.monotonic() if is_fresh else -math.inf

    @property
    def count(self) -> int:
        """Return the number of indexed images, from the server."""
        [row] = self._call(
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
        """Return D, the length of an embedding."""
        return self.collection.dimension

    @property
    def effort(self) -> Effort | None:
        """Return the search parameter; None if every image is compared with the query."""
        return self.collection.effort

    @property
    def is_exact(self) -> bool:
        """Return whether it compares the query with every image, uncompressed."""
        return self.collection.config.kind == "flat"

    def holds(self, image_ids: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return that all are indexed: `sync` has compared them."""
        return np.ones(len(image_ids), np.bool_)

    def _search(
        self,
        queries: NDArray[np.float32],
        k: int,
        subset: NDArray[np.int64] | None,
        labels: tuple[str, ...],
        effort: int | None,
    ) -> list[Matches]:
        """Filter by `labels` if there are any, else by `subset`."""
        if k > MAX_RESULTS:
            k = min(k, self.count)
        if k > MAX_RESULTS:
            raise WorkbenchError(
                f"Milvus gives at most {MAX_RESULTS:,} results for a query, not {k:,}.",
                "Reduce k, or build the index with FAISS.",
            )
        if k == 0:
            return [no_matches() for _ in queries]
        matches: list[Matches] = []
        for start in range(0, len(queries), QUERIES_CHUNK):
            part = queries[start : start + QUERIES_CHUNK]
            by_filter = [
                self._filtered(part, k, expression, effort)
                for expression in _filters(subset, labels)
            ]
            matches += [_best(parts, k) for parts in zip(*by_filter, strict=True)]
        return matches or [no_matches() for _ in queries]

    def _add(
        self, vectors: NDArray[np.float32], image_ids: NDArray[np.int64], labels: tuple[str, ...]
    ) -> None:
        finish(send(self.collection, vectors, image_ids, labels or ("",) * len(image_ids)))
        self._wrote_at = time.monotonic()

    def remove(self, image_ids: NDArray[np.int64]) -> int:
        """See `VectorStore.remove`.

        Raises:
            WorkbenchError: The server is unavailable or has lost the index.
        """
        # The server's own count includes ids that it does not have
        indexed = finish(present(self.collection, image_ids))
        finish(delete_rows(self.collection, indexed))
        self._wrote_at = time.monotonic()
        return len(indexed)

    def save(self, folder: Path) -> dict[str, Any]:
        """Return the facts by which the collection is opened again; no file is written."""
        del folder
        return {
            "size_bytes": 0,
            COLLECTION: self.collection.name,
            NLIST: self.collection.nlist,
            CODE_BYTES: self.collection.code_bytes,
        }

    def _filtered(
        self, queries: NDArray[np.float32], k: int, expression: str, effort: int | None
    ) -> list[Matches]:
        is_fresh = time.monotonic() - self._wrote_at < FRESH_S
        results = self._call(
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
        return [_matches(hits, is_l2=is_l2) for hits in results]

    def _call(self, function: Any) -> Any:
        """Call the server; a collection that is not loaded is loaded first."""
        collection = self.collection
        try:
            return call(collection.address, function)
        except NotLoadedError:  # The server was restarted, or another client released it
            call(
                collection.address,
                lambda client: client.load_collection(collection.name, timeout=TIMEOUT_S),
            )
            return call(collection.address, function)


def _filters(subset: NDArray[np.int64] | None, labels: tuple[str, ...]) -> Iterator[str]:
    """Yield at least one expression; together they match the images to search among.

    Raises:
        WorkbenchError: There are too many ids.
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
    return Matches(image_ids, np.clip(scores, -1, 1))


def _best(parts: tuple[Matches, ...], k: int) -> Matches:
    """Return the `k` best matches of several searches of one query."""
    if len(parts) == 1:
        return parts[0]
    image_ids = np.concatenate([part.image_ids for part in parts])
    similarities = np.concatenate([part.similarities for part in parts])
    order = np.argsort(-similarities, kind="stable")[:k]
    return Matches(image_ids[order], similarities[order])
