"""Datasets of rows without files, with given or random embeddings on disk."""

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
    Dataset,
    describe_dataset,
    open_dataset,
    publish_dataset,
)
from core.datasets.root import Root
from core.embeddings.encoding import Encoding
from core.embeddings.files import CONTENTS, IMAGE_IDS, VECTORS, Embeddings
from core.embeddings.reuse import CONTENT_BYTES
from core.workspace import Workspace
from tests.factories.rows import image_row

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
    """Publish a dataset and embeddings in clusters; return the embeddings' manifest."""
    rows = [
        image_row(number, f"class {number % num_classes}" if labeled else None, None)
        for number in range(count)
    ]
    return publish_set(workspace, rows, clusters(count, num_classes=num_classes))


def publish_set(
    workspace: Workspace, rows: Sequence[ImageRow], vectors: NDArray[np.float32]
) -> Manifest:
    """Publish a dataset of these rows and their embeddings, (N, D) unit rows; ids are 1, 2, …"""
    publish_rows(workspace, rows, DATASET)
    ids = np.arange(1, len(rows) + 1, dtype=np.int64)
    hashes = np.stack([np.frombuffer(bytes.fromhex(row.sha256), np.uint8) for row in rows])
    return publish_embeddings(workspace, DATASET, ids, vectors, contents=hashes)


def publish_rows(workspace: Workspace, rows: Sequence[ImageRow], name: str) -> Dataset:
    """Publish a dataset of these rows, whose ids become 1, 2, …"""
    with draft(workspace.datasets) as folder:
        roots = [Root(path=folder, layout=Layout(labels=Labels.TOP))]
        describe_dataset(folder, roots=roots, source="folder", left_out=())
        catalog = Catalog(folder / CATALOG)
        catalog.create()
        catalog.write(new=[row._replace(id=0) for row in rows])
        publish_dataset(workspace, folder, name)
    return open_dataset(workspace, name)


def publish_embeddings(
    workspace: Workspace,
    dataset: str,
    image_ids: NDArray[np.int64],
    vectors: NDArray[np.float32],
    *,
    contents: NDArray[np.uint8] | None = None,
    stem: str = f"{DATASET}-model",
) -> Manifest:
    """Publish embeddings, (N, D) unit rows, of a dataset that need not exist."""
    made_from = {"dataset": dataset, "model": "model", "model_fingerprint": ""}
    if (workspace.datasets / dataset).exists():
        catalog = open_dataset(workspace, dataset).catalog
        made_from["dataset_fingerprint"] = catalog.images_fingerprint
    count, dimension = vectors.shape
    with draft(workspace.embeddings) as folder:
        np.save(folder / VECTORS, vectors)
        np.save(folder / IMAGE_IDS, image_ids)
        if contents is not None:
            np.save(folder / CONTENTS, contents)
        return publish(
            folder,
            kind="embeddings",
            stem=stem,
            config={},
            made_from=made_from,
            summary={"count": count, "dimension": dimension, "num_problems": 0},
        )


def opened_embeddings(image_ids: NDArray[np.int64], vectors: NDArray[np.float32]) -> Embeddings:
    """Return embeddings as if they were opened; nothing is on disk."""
    source = {"dataset": DATASET, "model": "model", "model_fingerprint": ""}
    return Embeddings(
        image_ids=image_ids,
        contents=np.zeros((len(vectors), CONTENT_BYTES), np.uint8),
        plain=vectors,
        vectors=vectors,
        encoding=Encoding(model="model", model_fingerprint=""),
        manifest=Manifest(
            kind="embeddings",
            id="e",
            created="",
            config={},
            made_from=source,
            summary={},
            files={},
        ),
    )
