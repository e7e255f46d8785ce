"""The datasets of a workspace: a folder each with `dataset.json` and the catalog."""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.artifacts.folders import draft
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageRow
from core.datasets.layout import Labels, Layout
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.files import sync_folder, write_json
from core.workspace import DISK_VERSION, Workspace, check_name

DESCRIPTION = "dataset.json"
CATALOG = "catalog.sqlite"


@dataclass(frozen=True, kw_only=True, slots=True)
class Root:
    """A folder that images of a dataset lie under."""

    path: Path
    layout: Layout
    """How its folders are read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A named set of images. The images themselves stay where they are and are never written."""

    name: str
    folder: Path
    """Where the workbench keeps what it knows of the dataset."""

    roots: tuple[Root, ...]
    """Where the images are; images found later may have roots of their own."""

    source: str
    """How it came in: drawn, caltech101, folder, zip or bundle."""

    created: str
    """ISO 8601, UTC."""

    left_out: tuple[str, ...] = field(default=())
    """Class folders that a scan passes over."""

    @property
    def catalog(self) -> Catalog:
        """What is known of each image."""
        return Catalog(self.folder / CATALOG)

    @property
    def thumbnails(self) -> Path:
        """The cache of small pictures; may be deleted any time."""
        return self.folder / "thumbnails"

    def require_root(self, number: int) -> Root:
        """Return a root whose folder is where it was.

        Raises:
            MissingError: It is not.
        """
        root = self.roots[number]
        if not root.path.is_dir():
            raise MissingError(
                f"The folder {root.path} of “{self.name}” is not there any more.",
                "Bring it back, or say where it is now under “Folders” on the Datasets page.",
            )
        return root

    def path_of(self, image: ImageRow) -> Path:
        """Return where an image's file is (or was, when it has vanished since the scan)."""
        return Path(self.file_of(image))

    def file_of(self, image: ImageRow) -> str:
        """Return the same as a string; pathlib takes ten times as long, which counts for many."""
        return os.path.join(self.roots[image.root].path, image.path)


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
    """Read a dataset's description.

    Raises:
        MissingError: There is no dataset of that name.
        DamagedArtifactError: Its description was edited or cut off.
        WorkbenchError: A newer version of the workbench wrote it.
    """
    folder = workspace.datasets / check_name(name)
    path = folder / DESCRIPTION
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.get("version", 1) > DISK_VERSION:
            raise WorkbenchError(
                f"“{name}” was made by a newer version of the workbench.",
                "Update the workbench to use it.",
            )
        return Dataset(
            name=name,
            folder=folder,
            roots=tuple(_root(folder, described) for described in content["roots"]),
            source=content["source"],
            created=content["created"],
            left_out=tuple(content["left_out"]),
        )
    except FileNotFoundError as error:
        raise MissingError(
            f"There is no dataset “{name}”.", "Bring it in on the Datasets page."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedArtifactError(
            f"{name}/{DESCRIPTION} is damaged or was changed by hand.",
            "Delete that folder and bring the dataset in again.",
        ) from error


def require_free_name(workspace: Workspace, name: str) -> None:
    """Raise `WorkbenchError` if a dataset of that name exists or it cannot be a name."""
    if (workspace.datasets / check_name(name)).exists():
        raise WorkbenchError(
            f"There is a dataset “{name}” already.", "Choose another name or scan that one again."
        )


def describe_dataset(
    folder: Path, *, roots: Sequence[Root], source: str, left_out: tuple[str, ...]
) -> None:
    """Write the description that makes `folder` a dataset; roots inside it move with it."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    content = {
        "version": DISK_VERSION,
        "source": source,
        "created": created,
        "left_out": list(left_out),
    }
    write_json(folder / DESCRIPTION, content | {"roots": _described(folder, roots)})


def write_roots(dataset: Dataset, roots: Sequence[Root]) -> Dataset:
    """Give a dataset other roots, one for each it had and more behind them; return it anew."""
    path = dataset.folder / DESCRIPTION
    content = json.loads(path.read_text(encoding="utf-8"))
    described = {"version": DISK_VERSION, "roots": _described(dataset.folder, roots)}
    write_json(path, content | described)
    return replace(dataset, roots=tuple(roots))


def _described(folder: Path, roots: Sequence[Root]) -> list[dict[str, Any]]:
    """Return roots as JSON has them: those inside the dataset's own folder relative to it."""
    return [
        {
            "path": str(root.path.relative_to(folder))
            if root.path.is_relative_to(folder)
            else str(root.path),
            "layout": asdict(root.layout),
        }
        for root in roots
    ]


def _root(folder: Path, described: dict[str, Any]) -> Root:
    layout = described["layout"]
    labels = Labels(layout["labels"])
    return Root(
        path=folder / described["path"],  # An absolute one stands for itself
        layout=Layout(
            labels=labels,
            has_splits=bool(layout["has_splits"]),
            skipped=int(layout["skipped"]),
            loose=bool(layout["loose"]),
        ),
    )


def publish_dataset(workspace: Workspace, folder: Path, name: str) -> Dataset:
    """Give the draft `folder` its name, in one rename."""
    require_free_name(workspace, name)
    folder.rename(workspace.datasets / name)
    sync_folder(workspace.datasets)
    return open_dataset(workspace, name)


def delete_dataset(workspace: Workspace, name: str) -> None:
    """Forget a dataset; images that lie outside the workspace are not touched."""
    dataset = open_dataset(workspace, name)
    with draft(workspace.datasets) as doomed:
        doomed.rmdir()
        dataset.folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
