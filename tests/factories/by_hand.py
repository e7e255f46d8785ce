"""A dataset whose embeddings are placed by hand on the unit circle."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import open_dataset
from core.datasets.splits import SplitConfig
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import class_folders

# By hand: (file, split, degrees on the unit circle). Only the train images may be found.
BY_HAND = [
    ("red/000.png", "train", 10),
    ("red/001.png", "train", 40),
    ("blue/000.png", "train", 20),
    ("blue/001.png", "train", 90),
    ("red/002.png", "test", 0),  # finds red 10, blue 20, red 40, blue 90
    ("red/003.png", "test", 5),  # finds the same
    ("blue/002.png", "test", 46),  # finds red 40, blue 20, red 10, blue 90
    ("green/000.png", "test", 0),  # no green one can be found
    ("red/004.png", "validation", 0),  # as near as can be to two queries
    ("blue/003.png", "validation", 89),  # finds blue 90, red 40, blue 20, red 10
]
FIRST_AND_THIRD = (1 / 1 + 2 / 3) / 2
SECOND_AND_FOURTH = (1 / 2 + 2 / 4) / 2


def unit_vectors(*degrees: float) -> NDArray[np.float32]:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def publish_embeddings(
    workspace: Workspace, dataset: str, image_ids: NDArray[np.int64], vectors: NDArray[np.float32]
) -> Manifest:
    """Embeddings that no model made."""
    fingerprint = open_dataset(workspace, dataset).catalog.fingerprint
    made_from = {"dataset": dataset, "dataset_fingerprint": fingerprint}
    with draft(workspace.embeddings) as folder:
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "image_ids.npy", image_ids)
        return publish(
            folder,
            kind="embeddings",
            stem="by-hand",
            config={},
            made_from=made_from | {"model": "hand", "model_fingerprint": "none"},
            summary={"count": len(image_ids), "dimension": vectors.shape[1], "num_problems": 0},
        )


@dataclass(frozen=True)
class Hand:
    """A dataset whose embeddings are `BY_HAND`."""

    workspace: Workspace
    ids: dict[str, int]
    """Catalog id of each file."""

    embeddings: Manifest

    def index(self, config: IndexConfig | None = None) -> str:
        made = build_index(self.workspace, self.embeddings.id, config or IndexConfig())
        return finish(made).id


def make_hand(workspace: Workspace, root: Path) -> Hand:
    """Write images into `root`, import them and publish their embeddings."""
    class_folders(root, red=5, blue=4, green=1)
    dataset = finish(add_folder(workspace, "hand", Source(root=root), SplitConfig()))
    ids = {row.path: row.id for row in dataset.catalog.rows()}
    dataset.catalog.set_splits({ids[path]: split for path, split, _ in BY_HAND})
    placed = sorted((ids[path], degrees) for path, _, degrees in BY_HAND)
    image_ids = np.array([image_id for image_id, _ in placed], np.int64)
    vectors = unit_vectors(*(degrees for _, degrees in placed))
    return Hand(workspace, ids, publish_embeddings(workspace, "hand", image_ids, vectors))
