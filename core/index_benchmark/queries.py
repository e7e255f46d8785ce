"""Benchmark queries: some embedded images, with their exact neighbors.

Shapes, in this file: N embedded images, Q queries, D embedding dimensions, K neighbors.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.datasets.registry import open_dataset
from core.embeddings.exact_search import nearest_rows
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import WorkbenchError
from core.progress import Work
from core.workspace import Workspace

DEEPEST = 100
"""The largest rank at which recall is measured."""

MIN_IMAGES = 3


@dataclass(frozen=True, slots=True)
class BenchmarkQueries:
    """Some of the embedded images as queries. A query's own image is not among its neighbors."""

    query_ids: NDArray[np.int64]
    """(Q,) catalog ids."""

    queries: NDArray[np.float32]
    """(Q, D) unit rows."""

    exact: NDArray[np.int64]
    """(Q, K) catalog ids of the nearest other images, the nearest first; K is 100, or N - 1."""

    labeled: NDArray[np.int64]
    """(L,) catalog ids of the images that have a class, ascending."""

    classes: NDArray[np.int32]
    """(L,) the number of each one's class."""

    def half(self, number: int) -> "BenchmarkQueries":
        """Return every second query, from number 0 or 1."""
        part = slice(number, None, 2)
        return replace(
            self,
            query_ids=self.query_ids[part],
            queries=self.queries[part],
            exact=self.exact[part],
        )

    def classes_of(self, image_ids: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the number of each image's class, -1 without one."""
        if not len(self.labeled):
            return np.full(image_ids.shape, -1, np.int32)
        places = np.minimum(np.searchsorted(self.labeled, image_ids), len(self.labeled) - 1)
        known = self.labeled[places] == image_ids
        return np.where(known, self.classes[places], np.int32(-1))


def make_benchmark_queries(
    workspace: Workspace, embeddings_id: str, num_queries: int = 500, seed: int = 0
) -> Work[BenchmarkQueries]:
    """Choose random queries from embedded images, and find their neighbors by exact search.

    There are fewer queries if there are fewer images.

    Raises:
        MissingError: The embeddings or their dataset are gone.
        WorkbenchError: There are too few images.
    """
    embeddings = open_embeddings(workspace, embeddings_id)
    count = len(embeddings.image_ids)
    if count < MIN_IMAGES:
        raise WorkbenchError(
            f"An index is measured on at least {MIN_IMAGES} images, and {count} are embedded.",
            "Add images to the dataset and embed them.",
        )
    chosen = np.random.default_rng(seed).permutation(count)[:num_queries]
    queries = np.ascontiguousarray(embeddings.vectors[np.sort(chosen)], np.float32)
    query_ids = embeddings.image_ids[np.sort(chosen)]
    depth = min(DEEPEST, count - 1)
    rows, _ = yield from nearest_rows(embeddings.vectors, queries, depth + 1)
    exact = np.stack(
        [
            exclude_self(query, nearest, depth)
            for query, nearest in zip(query_ids, embeddings.image_ids[rows], strict=True)
        ]
    )
    return BenchmarkQueries(query_ids, queries, exact, *_classes(workspace, embeddings))


def exclude_self(query: int, image_ids: NDArray[np.int64], k: int) -> NDArray[np.int64]:
    """Return the first `k` results without the query's own image.

    The own image may be missing from the results, if there are duplicates of it.
    """
    others: NDArray[np.int64] = image_ids[image_ids != query][:k]
    return others


def _classes(
    workspace: Workspace, embeddings: Embeddings
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    dataset = open_dataset(workspace, embeddings.manifest.made_from["dataset"])
    pairs = dataset.catalog.labels_by_id()
    _, numbers = np.unique([label for _, label in pairs], return_inverse=True)
    return np.array([image_id for image_id, _ in pairs], np.int64), numbers.astype(np.int32)
