"""Embeddings on disk whose vectors are drawn, of a dataset whose images are rows and no files."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageRow
from core.datasets.layout import Labels, Layout
from core.datasets.registry import (
    CATALOG,
    Root,
    describe_dataset,
    open_dataset,
    publish_dataset,
)
from core.embeddings.files import CONTENTS, IMAGE_IDS, VECTORS
from core.workspace import Workspace

DATASET = "points"


def clusters(count: int, dimension: int = 16, num_classes: int = 8) -> NDArray[np.float32]:
    """Unit rows around as many centers as there are classes, in turns."""
    draw = np.random.default_rng(0)
    centers = draw.normal(size=(num_classes, dimension))
    points = centers[np.arange(count) % num_classes] + 0.5 * draw.normal(size=(count, dimension))
    unit: NDArray[np.float32] = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def embedded_set(
    workspace: Workspace, count: int, *, num_classes: int = 8, labeled: bool = True
) -> Manifest:
    """Publish a dataset of rows and embeddings of them; return the embeddings' manifest."""
    found = [_found(number, num_classes, labeled) for number in range(count)]
    return publish_set(workspace, found, clusters(count, num_classes=num_classes))


def publish_set(
    workspace: Workspace, found: Sequence[ImageRow], vectors: NDArray[np.float32]
) -> Manifest:
    """Publish a dataset of these rows, and what is to be their embeddings: (N, D) unit rows."""
    count, dimension = vectors.shape
    with draft(workspace.datasets) as folder:
        roots = [Root(path=folder, layout=Layout(labels=Labels.TOP))]
        describe_dataset(folder, roots=roots, source="folder", left_out=())
        catalog = Catalog(folder / CATALOG)
        catalog.create()
        catalog.write(new=found)
        publish_dataset(workspace, folder, DATASET)
    dataset = open_dataset(workspace, DATASET)
    with draft(workspace.embeddings) as folder:
        np.save(folder / VECTORS, vectors)
        hashes = [np.frombuffer(bytes.fromhex(row.sha256), np.uint8) for row in found]
        np.save(folder / CONTENTS, np.stack(hashes))
        np.save(folder / IMAGE_IDS, np.array(dataset.catalog.ids(), np.int64))
        return publish(
            folder,
            kind="embeddings",
            stem=f"{DATASET}-model",
            config={},
            made_from={
                "dataset": DATASET,
                "dataset_fingerprint": dataset.catalog.images_fingerprint,
                "model": "model",
                "model_fingerprint": "",
            },
            summary={"count": count, "dimension": dimension, "num_problems": 0},
        )


def _found(number: int, num_classes: int, labeled: bool) -> ImageRow:
    return ImageRow(
        root=0,
        path=f"{number}.png",
        label=f"class {number % num_classes}" if labeled else None,
        split=None,
        width=32,
        height=32,
        size_bytes=100,
        modified_ns=0,
        sha256=f"{number:064x}",
        problem=None,
    )
