"""A workspace for benchmarks.milvus: a dataset of rows without files, and embeddings of it."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.large_sets import BLOCK, LargeSet
from core.artifacts.folders import draft, publish
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageRow
from core.datasets.layout import Labels, Layout
from core.datasets.registry import CATALOG, describe_dataset, open_dataset, publish_dataset
from core.datasets.root import Root
from core.embeddings.files import IMAGE_IDS, VECTORS, Embeddings, open_embeddings
from core.workspace import Workspace

DATASET = "drawn"
SHARES = {"one": 0.01, "ten": 0.1, "half": 0.5}
"""Class → its share of the images; the rest is of another one."""

MOST_WITH_CLASSES = 2_000_000
"""Images above which the set has no classes: its catalog would take longer than its index."""


def classes_of(count: int) -> NDArray[np.str_]:
    """Return the class of each of N images, as `SHARES` says, or "" if there are too many."""
    if count > MOST_WITH_CLASSES:
        return np.full(count, "")
    shares = [*SHARES.values(), 1 - sum(SHARES.values())]
    return np.random.default_rng(1).choice([*SHARES, "rest"], count, p=shares)


def drawn(workspace: Workspace, large: LargeSet, labels: NDArray[np.str_]) -> Embeddings:
    """Publish a dataset of rows without files, and embeddings of it."""
    count = len(labels)
    with draft(workspace.datasets) as folder:
        roots = [Root(path=folder, layout=Layout(labels=Labels.TOP))]
        describe_dataset(folder, roots=roots, source="folder", left_out=())
        catalog = Catalog(folder / CATALOG)
        catalog.create()
        for start in range(0, count if labels[0] else 0, BLOCK):
            numbers = range(start, min(start + BLOCK, count))
            catalog.write(new=[_row(number, str(labels[number])) for number in numbers])
        publish_dataset(workspace, folder, DATASET)
    fingerprint = open_dataset(workspace, DATASET).catalog.images_fingerprint
    with draft(workspace.embeddings) as folder:
        shape = (count, large.centers.shape[1])
        vectors = np.lib.format.open_memmap(folder / VECTORS, "w+", np.float32, shape)
        for number, start in enumerate(range(0, count, BLOCK)):
            block = large.block(number, min(BLOCK, count - start))
            vectors[start : start + len(block)] = block
        vectors.flush()
        np.save(folder / IMAGE_IDS, np.arange(1, count + 1, dtype=np.int64))
        made = publish(
            folder,
            kind="embeddings",
            stem=DATASET,
            config={},
            made_from={
                "dataset": DATASET,
                "dataset_fingerprint": fingerprint,
                "model": "model",
                "model_fingerprint": "",
            },
            summary={"count": count, "dimension": shape[1], "num_problems": 0},
        )
    return open_embeddings(workspace, made.id)


def _row(number: int, label: str) -> ImageRow:
    return ImageRow(
        id=0,
        root=0,
        path=f"{number}.png",
        label=label,
        split="train",
        width=32,
        height=32,
        size_bytes=100,
        modified_ns=0,
        sha256=f"{number:064x}",
    )
