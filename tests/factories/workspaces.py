"""Workspaces with everything from images to an index."""

import shutil
from dataclasses import replace
from pathlib import Path

from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import open_dataset, write_roots
from core.datasets.splits import SplitConfig
from core.embeddings.embed import embed_dataset
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.models.backbones import BACKBONES
from core.progress import finish
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import Workspace
from tests.factories.images import class_folders


def make_workspace(home: Path, backbone: str = "mobilenet_v3_large") -> Workspace:
    """Make a dataset of three colors, an untrained model and a flat index."""
    workspace = Workspace(home)
    root = class_folders(home / "images", red=10, green=10, blue=10)
    finish(add_folder(workspace, "colors", Source(root=root), SplitConfig()))
    config = TrainConfig(
        dataset="colors",
        backbone=backbone,
        weights="none",
        trainable_blocks=BACKBONES[backbone].num_blocks,
        image_size=64,
        epochs=0,
    )
    model = finish(train(workspace, config))
    embeddings = finish(embed_dataset(workspace, "colors", model.id))
    finish(build_index(workspace, embeddings.id, IndexConfig()))
    return workspace


def copy_workspace(source: Path, home: Path) -> Workspace:
    """Copy what `make_workspace` made, its images included."""
    workspace = Workspace(home)
    shutil.copytree(source, home)
    dataset = open_dataset(workspace, "colors")
    write_roots(dataset, [replace(root, path=home / "images") for root in dataset.roots])
    return workspace
