"""The ways in for images: a folder that is recognised, or Caltech-101 by download."""

import os
from pathlib import Path

from core.datasets.caltech import fetch, find_root
from core.datasets.layout import BACKGROUND
from core.datasets.registry import Dataset, require_free_name
from core.datasets.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.errors import MissingError
from core.progress import Work
from core.workspace import Workspace


def folder_source(path: Path, *, keep_background: bool = False) -> Source:
    """Say how a folder is to be read; Caltech-101 is recognised at its root or one level off.

    Raises:
        MissingError: There is no such folder.
    """
    folder = Path(os.path.expanduser(path))  # Path's own raises for "~nobody"
    if os.path.isfile(folder):
        raise MissingError(f"{folder} is a file, not a folder.", "Give the folder that it is in.")
    if not os.path.isdir(folder):  # and for a name that no disk takes
        raise MissingError(f"There is no folder {folder}.", "Check the path and try again.")
    left_out = () if keep_background else (BACKGROUND,)
    try:
        return Source(root=find_root(folder), kind="caltech101", left_out=left_out)
    except MissingError:
        has_background = (folder / BACKGROUND).is_dir()
        return Source(root=folder, left_out=left_out if has_background else ())


def add_caltech101(
    workspace: Workspace, name: str, splits: SplitConfig, *, keep_background: bool = False
) -> Work[Dataset]:
    """Download Caltech-101, unless an earlier download is there, and bring it in as `name`.

    Raises:
        DownloadError: It could not be fetched.
        WorkbenchError: The name is taken.
    """
    require_free_name(workspace, name)
    target = workspace.downloads / "caltech101"
    if not target.is_dir():
        yield from fetch(workspace, target)
    source = folder_source(target, keep_background=keep_background)
    dataset = yield from add_folder(workspace, name, source, splits)
    return dataset
