"""`MilvusStore`: an index on a Milvus server, for more images or users than one machine serves.

Shapes, in this file: Q queries, D embedding dimensions, K results, B images.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.indexes.config import Metric
from core.indexes.milvus.calls import TIMEOUT_S, NotLoadedError, call, call_through_restart
from core.indexes.milvus.changes import Changes, no_changes
from core.indexes.milvus.collection import (
    CODE_BYTES,
    COLLECTION,
    ID,
    NLIST,
    VECTOR,
    Collection,
)
from core.indexes.milvus.filters import and_not, filters_of
from core.indexes.milvus.register import RESERVE_EVERY_S, SEARCHED_S, Entry
from core.indexes.milvus.rows import BOUNDED, STRONG, present
from core.indexes.store import Effort, Matches, VectorStore, no_matches
from core.progress import T, finish

MAX_RESULTS = 16384
"""The server's limit of results per query."""

QUERIES_CHUNK = 1024
HIDDEN_IN_DEPTH = 16
"""Results beyond `k` of a first search, in place of hidden ones."""

GROWTH = 4
"""Factor by which a search goes deeper if hidden images leave too few results."""


class MilvusStore(VectorStore):
    """A collection on a Milvus server, and what has changed since it was filled.

    Opening one does not call the server. The collection is never changed: added and removed images
    are kept here, and `save` writes them.
    """

    is_remote = True
    stores_labels = True

    def __init__(
        self,
        collection: Collection,
        changes: Changes | None = None,
        entry: Entry | None = None,
        num_rows: int | None = None,
    ) -> None:
        """Wrap a collection that is filled and loaded.

        Args:
            collection: Which.
            changes: The images in which the index differs from it; None if it does not.
            entry: Keeps the collection while it is searched; None if nothing drops it meanwhile.
            num_rows: Of the collection; None if it is not known.
        """
        self.collection = collection
        self.changes = no_changes(collection.dimension) if changes is None else changes
        self._entry = entry
        self._num_rows = num_rows
        self._reserved_at = -RESERVE_EVERY_S

    @property
    def count(self) -> int:
        """Return the number of indexed images, from the server if it is not known yet."""
        if self._num_rows is None:
            [row] = self._call(
                lambda client: client.query(
                    self.collection.name,
                    filter="",
                    output_fields=["count(*)"],
                    consistency_level=STRONG,  # Which takes some tenths of a second
                    timeout=TIMEOUT_S,
                )
            )
            self._num_rows = int(row["count(*)"])
        return self._num_rows - len(self.changes.hidden) + len(self.changes.image_ids)

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
        """Return that all are indexed but for the removed ones: `sync` has compared them."""
        return ~np.isin(image_ids, self.changes.removed)

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
            part = np.ascontiguousarray(queries[start : start + QUERIES_CHUNK], np.float32)
            found = [
                self._visible(part, k, expression, effort)
                for expression in filters_of(subset, labels)
            ]
            if len(self.changes.image_ids):
                found.append(self.changes.search(part, k, subset, labels))
            matches += [_best(parts, k) for parts in zip(*found, strict=True)]
        return matches or [no_matches() for _ in queries]

    def _visible(
        self, queries: NDArray[np.float32], k: int, expression: str, effort: int | None
    ) -> list[Matches]:
        """Search the collection, deeper until each query has `k` images that are not hidden."""
        hidden = self.changes.hidden
        if not len(hidden):
            return self._filtered(queries, k, expression, effort)
        visible = [no_matches() for _ in queries]
        pending, depth = np.arange(len(queries)), k + min(len(hidden), HIDDEN_IN_DEPTH)
        while len(pending):
            is_last = depth > MAX_RESULTS
            if is_last:  # Slower, as the server reads all ids
                depth, expression = k, and_not(expression, hidden)
            lacking: list[int] = []
            found = self._filtered(queries[pending], depth, expression, effort)
            for query, matches in zip(pending.tolist(), found, strict=True):
                wanted = np.flatnonzero(~np.isin(matches.image_ids, hidden))[:k]
                visible[query] = Matches(matches.image_ids[wanted], matches.similarities[wanted])
                if len(wanted) < k and len(matches.image_ids) == depth:
                    lacking.append(query)
            if is_last:
                break
            pending, depth = np.array(lacking, np.int64), GROWTH * depth
        return visible

    def _add(
        self, vectors: NDArray[np.float32], image_ids: NDArray[np.int64], labels: tuple[str, ...]
    ) -> None:
        self.remove(image_ids)
        self.changes = self.changes.adding(vectors, image_ids, labels or ("",) * len(image_ids))

    def remove(self, image_ids: NDArray[np.int64]) -> int:
        """See `VectorStore.remove`.

        Raises:
            WorkbenchError: The server is unavailable or has lost the index.
        """
        added = np.intersect1d(self.changes.image_ids, image_ids)
        in_collection = np.setdiff1d(
            finish(present(self.collection, image_ids)), self.changes.hidden
        )
        self.changes = self.changes.without(added).hiding(in_collection)
        return len(np.union1d(added, in_collection))

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the changes, and return the facts by which the collection is opened again."""
        self.changes.save(folder)
        return {
            "size_bytes": 0,
            COLLECTION: self.collection.name,
            NLIST: self.collection.nlist,
            CODE_BYTES: self.collection.code_bytes,
        }

    def _filtered(
        self, queries: NDArray[np.float32], k: int, expression: str, effort: int | None
    ) -> list[Matches]:
        results = self._call(
            lambda client: client.search(
                self.collection.name,
                data=list(queries),
                anns_field=VECTOR,
                limit=k,
                filter=expression,
                search_params={"params": self.collection.search_params(k, effort)},
                consistency_level=BOUNDED,
                timeout=TIMEOUT_S,
            )
        )
        is_l2 = self.collection.config.metric == Metric.L2
        return [_matches(hits, is_l2=is_l2) for hits in results]

    def _call(self, function: Callable[[Any], T]) -> T:
        """Call the server; a collection that is not loaded is loaded first."""
        address, name = self.collection.address, self.collection.name
        self._reserve()

        def attempt() -> T:
            try:
                return call(address, function)
            except NotLoadedError:  # The server was restarted, or another client released it
                call(address, lambda client: client.load_collection(name, timeout=TIMEOUT_S))
                return call(address, function)

        return call_through_restart(address, attempt)

    def _reserve(self) -> None:
        """Keep the collection while this query goes on, should its index be updated meanwhile."""
        now = time.monotonic()
        if self._entry is not None and now > self._reserved_at + RESERVE_EVERY_S:
            self._entry.reserve(SEARCHED_S)
            self._reserved_at = now


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
