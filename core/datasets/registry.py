"""Datasets of a workspace: each a folder with `dataset.json` and the catalog."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from core.artifacts.folders import delete_artifact
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageRow
from core.datasets.root import Root, describe_root, read_root
from core.errors import DamagedArtifactError, MissingError, WorkbenchError, newer_version
from core.files import read_json, sync_folder, write_json
from core.net import object_paths
from core.options import fits
from core.workspace import Workspace, check_name

DESCRIPTION = "dataset.json"
DESCRIPTION_VERSION = 5
"""Version of that file; before 5 a root is no address, before 4 a layout has no annotations, before
3 no list of the folders of its splits."""

CATALOG = "catalog.sqlite"

OLD_SOURCES = {"drawn": "sample"}
"""Source in descriptions of release 0.1.0 → its name now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A named set of images; the image files stay where they are and are never written."""

    name: str
    folder: Path
    """Folder of the catalog and the thumbnails."""

    roots: tuple[Root, ...]
    """Folders with the images, in the order in which they were added."""

    source: str
    """Where it was imported from: sample, caltech101, folder, address, zip or bundle."""

    created: str
    """ISO 8601, UTC."""

    left_out: tuple[str, ...] = field(default=())
    """Class folders that scans ignore."""

    @property
    def catalog(self) -> Catalog:
        """The catalog of its images."""
        return Catalog(self.folder / CATALOG)

    @property
    def thumbnails(self) -> Path:
        """Folder of the thumbnail cache, which can be deleted at any time."""
        return self.folder / "thumbnails"

    def require_root(self, number: int) -> Root:
        """Return a root after checking that its folder exists.

        Raises:
            MissingError: The folder does not exist.
        """
        root = self.roots[number]
        if not root.is_there:
            raise MissingError(
                f"The folder {root.path} of “{self.name}” does not exist any more.",
                "Restore it, or set its new path on the Datasets page, under Manage.",
            )
        return root

    def path_of(self, image: ImageRow) -> Path:
        """Return the path of an image's file, which may have been deleted since the scan.

        That of an image of an address is in the cache of objects, and `core.images` fetches it.
        """
        return Path(self.file_of(image))

    def file_of(self, image: ImageRow) -> str:
        """Return the same as a string, ten times as fast as with pathlib."""
        root = self.roots[image.root]
        if not root.is_remote:
            return os.path.join(root.path, image.path)
        return object_paths.file_of(root.path, image.path, image.sha256)

    def place_of(self, image: ImageRow) -> str:
        """Return where an image is, as users read it: the path of its file, or its address."""
        root = self.roots[image.root].path
        address = object_paths.address_of(root)
        return address.shown(image.path) if address else os.path.join(root, image.path)


def list_datasets(workspace: Workspace) -> list[Dataset]:
    """Return the workspace's datasets, newest first, without those that cannot be opened."""
    datasets = []
    for folder in workspace.datasets.iterdir() if workspace.datasets.is_dir() else ():
        if folder.name.startswith("."):
            continue
        try:
            datasets.append(open_dataset(workspace, folder.name))
        except WorkbenchError:
            continue
    return sorted(datasets, key=lambda dataset: dataset.created, reverse=True)


def open_dataset(workspace: Workspace, name: str) -> Dataset:
    """Return the dataset of that name.

    Raises:
        MissingError: There is no dataset of that name.
        DamagedArtifactError: Its description was edited or cut off.
        WorkbenchError: A newer version of the workbench wrote it.
    """
    folder = workspace.datasets / check_name(name)
    path = folder / DESCRIPTION
    try:
        content = read_json(path)
        if content.get("version", 1) > DESCRIPTION_VERSION:
            raise newer_version(f"“{name}”")
        if not fits(content["left_out"], list[str]):
            raise TypeError("names of folders that are no text")
        return Dataset(
            name=name,
            folder=folder,
            roots=tuple(read_root(folder, described) for described in content["roots"]),
            source=OLD_SOURCES.get(content["source"], content["source"]),
            created=content["created"],
            left_out=tuple(content["left_out"]),
        )
    except FileNotFoundError as error:
        raise MissingError(
            f"There is no dataset “{name}”.", "Import it on the Datasets page."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedArtifactError(
            f"{name}/{DESCRIPTION} is damaged or was changed by hand.",
            "Delete that folder and import the dataset again.",
        ) from error


def is_imported_from(workspace: Workspace, name: str, folder: Path) -> bool:
    """Return whether there is a dataset of this name; it must have been imported from the folder.

    Raises:
        WorkbenchError: The dataset was imported from elsewhere.
    """
    if not (workspace.datasets / check_name(name)).exists():
        return False
    roots = [root.path for root in open_dataset(workspace, name).roots]
    if folder not in roots and folder.resolve() not in roots:
        raise _taken(name)
    return True


def is_imported_as(workspace: Workspace, name: str, source: str) -> bool:
    """Return whether there is a dataset of this name; it must be of this source.

    Raises:
        WorkbenchError: The dataset is of another source.
    """
    if not (workspace.datasets / check_name(name)).exists():
        return False
    if open_dataset(workspace, name).source != source:
        raise _taken(name)
    return True


def _taken(name: str) -> WorkbenchError:
    return WorkbenchError(
        f"There is a dataset “{name}” already, imported from elsewhere.",
        "Choose another name.",
    )


def require_free_name(workspace: Workspace, name: str) -> None:
    """Raise `WorkbenchError` if a dataset of that name exists or the name is invalid."""
    if (workspace.datasets / check_name(name)).exists():
        raise WorkbenchError(
            f"There is a dataset “{name}” already.", "Choose another name or rescan that dataset."
        )


def describe_dataset(
    folder: Path, *, roots: Sequence[Root], source: str, left_out: tuple[str, ...]
) -> None:
    """Write the description of a new dataset; roots inside `folder` move with it."""
    content = {
        "version": DESCRIPTION_VERSION,
        "source": source,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "left_out": list(left_out),
        "roots": [describe_root(folder, root) for root in roots],
    }
    write_json(folder / DESCRIPTION, content)


def write_roots(dataset: Dataset, roots: Sequence[Root]) -> Dataset:
    """Replace the roots of a dataset, in order, with new ones appended; return the new dataset."""
    path = dataset.folder / DESCRIPTION
    content = read_json(path)
    described = [describe_root(dataset.folder, root) for root in roots]
    write_json(path, content | {"version": DESCRIPTION_VERSION, "roots": described})
    return replace(dataset, roots=tuple(roots))


def publish_dataset(workspace: Workspace, folder: Path, name: str) -> Dataset:
    """Publish the draft `folder` as the dataset `name`, in one rename."""
    require_free_name(workspace, name)
    folder.rename(workspace.datasets / name)
    sync_folder(workspace.datasets)
    return open_dataset(workspace, name)


def delete_dataset(workspace: Workspace, name: str) -> None:
    """Delete a dataset; images outside the workspace are not touched."""
    delete_artifact(workspace.datasets, open_dataset(workspace, name).name)


def is_as_scanned(file: str, row: ImageRow) -> bool:
    """Return whether size and time of an image's file are those of the last scan.

    The path of an object names its content, which is verified when it is read.
    """
    if object_paths.is_remote(file):
        return True
    try:
        info = os.stat(file)
    except (OSError, ValueError):  # Reported when the file is read
        return False
    return (info.st_size, info.st_mtime_ns) == (row.size_bytes, row.modified_ns)
