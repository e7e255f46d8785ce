"""Indexed datasets with given embeddings, for the data quality checks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageRow
from core.datasets.registry import open_dataset
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.progress import finish
from core.quality.labels import ImageLabels, read_image_labels
from core.quality.neighbors import Neighbors, find_neighbors
from core.workspace import Workspace
from tests.factories.embeddings import DATASET, publish_set
from tests.factories.rows import image_row
from tests.factories.vectors import at_angles


def indexed_set(
    workspace: Workspace, found: Sequence[ImageRow], vectors: NDArray[np.float32]
) -> tuple[Manifest, Catalog]:
    """Publish a dataset and an index; the images' ids are 1, 2, …"""
    embeddings = publish_set(workspace, found, vectors)
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    return index, open_dataset(workspace, DATASET).catalog


def neighbors_of(
    vectors: NDArray[np.float32], k: int = 20, contents: list[int] | None = None
) -> Neighbors:
    """The neighbors of these vectors; images of one number in `contents` are copies."""
    numbers = range(len(vectors)) if contents is None else contents
    hashes = np.array([[number // 255, number % 255 + 1] for number in numbers], np.uint8)
    return finish(find_neighbors(vectors, hashes, k))


def image_labels_of(*labels: int) -> ImageLabels:
    """Usable train images of the classes a and b."""
    count = len(labels)
    return ImageLabels(
        ["a", "b"], np.array(labels, np.int32), np.zeros(count, np.int8), np.ones(count, bool)
    )


class DuplicateSet(NamedTuple):
    """Images 1 and 2 are one file in train and test; 3 and 4 are 5° apart, 5 and 6 are alone."""

    catalog: Catalog
    image_ids: NDArray[np.int64]
    neighbors: Neighbors
    image_labels: ImageLabels


def duplicate_set(workspace: Workspace) -> DuplicateSet:
    """Publish a `DuplicateSet`."""
    found = [
        image_row(0, "a", "train", content=50),
        image_row(1, "a", "test", content=50),
        image_row(2, "a", "train"),
        image_row(3, "b", "test"),
        image_row(4, "b"),
        image_row(5, "b"),
    ]
    vectors = at_angles(0, 0, 40, 45, 120, 170)
    _, catalog = indexed_set(workspace, found, vectors)
    ids = np.arange(1, 7)
    neighbors = neighbors_of(vectors, 4, [50, 50, 2, 3, 4, 5])
    return DuplicateSet(catalog, ids, neighbors, read_image_labels(catalog, ids))
