"""Exports of a workspace: their list, and their deletion."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from core.artifacts.folders import DRAFT_PREFIX, delete_artifact
from core.artifacts.manifests import Manifest, read_manifest
from core.errors import DamagedArtifactError, MissingError
from core.workspace import Workspace

MAX_DATASET_LENGTH = 56
"""Most characters of a dataset's name in the name of an export, which has at most 80."""


class Format(StrEnum):
    """Format of an export."""

    CSV = "csv"
    """A table."""

    PARQUET = "parquet"
    """A table with types."""

    ZIP = "zip"
    """The images in class folders, packed but not compressed, with tables."""

    FOLDER = "folder"
    """Copies of the images in class folders, with tables."""

    LINKS = "links"
    """Symbolic links to the images in class folders, with tables; they break when those move."""


FILES = (Format.CSV, Format.PARQUET, Format.ZIP)
"""Formats that are one file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """An export of a dataset."""

    id: str
    """Name of its folder: dataset, date, format."""

    dataset: str
    format: Format
    path: Path
    """The file, or the folder of the tree."""

    created: str
    """ISO 8601, UTC."""

    num_images: int
    num_left_out: int
    """Number of images that could not be exported; a tree lists them in left-out.csv."""

    size_bytes: int


def stem_of(dataset: str) -> str:
    """Return the prefix of the names of a dataset's exports."""
    return dataset[:MAX_DATASET_LENGTH]


def list_exports(workspace: Workspace, dataset: str) -> list[Export]:
    """Return a dataset's exports, newest first. Reads one small file for each."""
    found = []
    for folder in workspace.exports.glob(f"{stem_of(dataset)}-*"):
        if folder.name.startswith(DRAFT_PREFIX):
            continue
        try:
            export = describe_export(workspace, read_manifest(folder))
        except (DamagedArtifactError, MissingError, NotADirectoryError):
            continue
        if export.dataset == dataset:
            found.append(export)
    return sorted(found, key=lambda export: (export.created, export.id), reverse=True)


def describe_export(workspace: Workspace, manifest: Manifest) -> Export:
    """Return the export that a manifest describes."""
    folder, summary = workspace.exports / manifest.id, manifest.summary
    return Export(
        id=manifest.id,
        dataset=manifest.made_from["dataset"],
        format=Format(summary["format"]),
        path=folder / summary["file"],
        created=manifest.created,
        num_images=summary["num_images"],
        num_left_out=summary["num_left_out"],
        size_bytes=summary["size_bytes"],
    )


def delete_export(workspace: Workspace, export_id: str) -> None:
    """Delete an export; the images of the dataset are not touched.

    Raises:
        MissingError: There is no such export.
    """
    delete_artifact(workspace.exports, export_id)
