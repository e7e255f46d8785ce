"""Roots of datasets: folders with images, on disk or at an address, and their descriptions."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.datasets.layout import Layout, describe_layout, read_layout
from core.net import object_paths
from core.net.remote_address import is_address


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A folder with images of a dataset."""

    path: Path
    """The folder on disk, or the one in the cache of objects that stands for an address."""

    layout: Layout
    """How its subfolders are read."""

    is_remote: bool = field(init=False, repr=False)
    """Whether it stands for an address; known beforehand, because there are millions of images."""

    def __post_init__(self) -> None:
        """Find out whether it stands for an address."""
        object.__setattr__(self, "is_remote", object_paths.is_remote(self.path))

    @property
    def is_there(self) -> bool:
        """Whether the folder exists; of an address only a request would tell."""
        return self.is_remote or self.path.is_dir()

    @property
    def shown(self) -> str:
        """The folder as users read it: its path or address."""
        return object_paths.shown(self.path)


def describe_root(folder: Path, root: Root) -> dict[str, Any]:
    """Return a root as JSON, with a path inside the dataset's folder relative to it."""
    is_own = root.path.is_relative_to(folder)
    path = str(root.path.relative_to(folder)) if is_own else root.shown
    return {"path": path, "layout": describe_layout(root.layout)}


def read_root(folder: Path, described: dict[str, Any]) -> Root:
    """Return the root that JSON describes; see `describe_root`.

    Raises:
        KeyError, TypeError, ValueError: It is no description.
        WorkbenchError: Its address cannot be used.
    """
    layout, path = read_layout(described["layout"]), described["path"]
    if is_address(path):
        return Root(path=object_paths.folder_of(path), layout=layout)
    return Root(path=folder / path, layout=layout)  # An absolute path replaces it
