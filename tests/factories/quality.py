"""Datasets whose embeddings lie where a test wants them, indexed, for the finders."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.catalog import Catalog, Found
from core.datasets.registry import open_dataset
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.progress import finish
from core.workspace import Workspace
from tests.factories.embeddings import DATASET, publish_set


def at_angles(*degrees: float) -> NDArray[np.float32]:
    """(N, 2) unit rows at these angles: two similarities are the cosine of their difference."""
    radians = np.deg2rad(degrees)
    rows: NDArray[np.float32] = np.column_stack([np.cos(radians), np.sin(radians)]).astype("f4")
    return rows


def row(
    number: int, label: str | None = None, split: str | None = "train", content: int | None = None
) -> Found:
    """The image of that number; those of one content are copies of each other."""
    return Found(
        root=0,
        path=f"{number}.png",
        folder_label=label,
        width=32,
        height=32,
        size_bytes=100,
        modified_ns=0,
        sha256=f"{number if content is None else content:064x}",
        problem=None,
        split=split,
    )


def indexed_set(
    workspace: Workspace, found: Sequence[Found], vectors: NDArray[np.float32]
) -> tuple[Manifest, Catalog]:
    """Publish a dataset and an index; the images' ids are 1, 2, …"""
    embeddings = publish_set(workspace, found, vectors)
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    return index, open_dataset(workspace, DATASET).catalog
