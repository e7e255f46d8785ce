"""A small dataset with embeddings on the unit circle, whose measures can be checked by hand."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.artifacts.manifests import Manifest
from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.progress import finish
from core.workspace import Workspace
from tests.factories.embeddings import publish_embeddings
from tests.factories.images import class_folders
from tests.factories.vectors import at_angles

# (file, split, degrees on the unit circle); the train images are the gallery
TOY_IMAGES = [
    ("red/000.png", "train", 10),
    ("red/001.png", "train", 40),
    ("blue/000.png", "train", 20),
    ("blue/001.png", "train", 90),
    ("red/002.png", "test", 0),  # retrieves red 10, blue 20, red 40, blue 90
    ("red/003.png", "test", 5),  # retrieves the same
    ("blue/002.png", "test", 46),  # retrieves red 40, blue 20, red 10, blue 90
    ("green/000.png", "test", 0),  # no green image in the gallery
    ("red/004.png", "validation", 0),  # as near as possible to two queries
    ("blue/003.png", "validation", 89),  # retrieves blue 90, red 40, blue 20, red 10
]
FIRST_AND_THIRD = (1 / 1 + 2 / 3) / 2
SECOND_AND_FOURTH = (1 / 2 + 2 / 4) / 2


@dataclass(frozen=True)
class ToySet:
    """The dataset of `TOY_IMAGES`."""

    workspace: Workspace
    ids: dict[str, int]
    """Catalog id of each file."""

    embeddings: Manifest

    def index(self, config: IndexConfig | None = None) -> str:
        made = build_index(self.workspace, self.embeddings.id, config or IndexConfig())
        return finish(made).id


def make_toy_set(workspace: Workspace, root: Path) -> ToySet:
    """Write images into `root`, import them and publish their embeddings."""
    class_folders(root, red=5, blue=4, green=1)
    dataset = finish(add_folder(workspace, "toy", Source(root=root), SplitConfig()))
    ids = {row.path: row.id for row in dataset.catalog.rows()}
    dataset.catalog.set_splits({ids[path]: split for path, split, _ in TOY_IMAGES})
    placed = sorted((ids[path], degrees) for path, _, degrees in TOY_IMAGES)
    image_ids = np.array([image_id for image_id, _ in placed], np.int64)
    vectors = at_angles(*(degrees for _, degrees in placed))
    embeddings = publish_embeddings(workspace, "toy", image_ids, vectors, stem="toy")
    return ToySet(workspace, ids, embeddings)
