"""Datasets for tests."""

from pathlib import Path

from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import Dataset
from core.datasets.splits import SplitConfig
from core.progress import finish
from core.workspace import Workspace


def bring_in(workspace: Workspace, root: Path, name: str = "colors") -> Dataset:
    """Bring a folder in, split as usual."""
    return finish(add_folder(workspace, name, Source(root=root), SplitConfig()))
