"""Uploaded files: images for a dataset, and archives for jobs."""

import os
import shutil
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from core.datasets.layout import Labels, Layout
from core.datasets.registry import Dataset, write_roots
from core.datasets.root import Root
from core.errors import UnreadableImageError, WorkbenchError
from core.files import write_atomically
from core.images.formats import EXTENSIONS, SUFFIXES
from core.images.isolation import check_image
from core.jobs.records import list_active
from core.workspace import Workspace, check_text

MAX_IMAGE_BYTES = 25_000_000
"""Most bytes of an uploaded image; larger ones can be added by folder."""

ADDED = "added"
"""Folder of uploaded images inside a dataset's folder."""

MAX_STEM_BYTES = 200
"""Most bytes of the stem of a file; disks allow 255 with number, extension and temporary suffix."""

LEFT_AFTER_S = 600
"""Age of an upload without a job from which on it is deleted; pages queue the job at once."""


def keep_uploads(
    dataset: Dataset, files: Sequence[tuple[str, bytes]], label: str = ""
) -> tuple[int, list[str]]:
    """Save uploaded images in the dataset's folder, where the next rescan finds them.

    `files` are names and contents; an empty `label` means no class.

    Returns:
        The number of saved images, and a sentence for each rejected one.

    Raises:
        WorkbenchError: The label cannot be a folder's name, or the disk is full.
    """
    folder = dataset.folder / ADDED
    target = folder / _folder_name(label) if label.strip() else folder
    target.mkdir(parents=True, exist_ok=True)
    num_kept, rejected = 0, []
    for name, content in files:
        try:
            suffix = _check_upload(name, content)
        except UnreadableImageError as error:
            rejected.append(error.problem)
            continue
        _keep(BytesIO(content), _free_path(target, name, suffix))
        num_kept += 1
    if num_kept and all(root.path != folder for root in dataset.roots):
        layout = Layout(labels=Labels.TOP, loose=True)
        write_roots(dataset, [*dataset.roots, Root(path=folder, layout=layout)])
    return num_kept, rejected


def keep_for_job(workspace: Workspace, name: str, content: BinaryIO, suffix: str) -> Path:
    """Save an uploaded file for a job, and delete abandoned ones.

    Raises:
        WorkbenchError: The disk is full.
    """
    folder = workspace.downloads / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {word for record in list_active(workspace) for word in record.arguments}
    for path in folder.iterdir():
        if str(path) not in wanted and time.time() - path.stat().st_mtime > LEFT_AFTER_S:
            path.unlink(missing_ok=True)
    path = _free_path(folder, name, suffix)
    _keep(content, path)
    return path


def _check_upload(name: str, content: bytes) -> str:
    """Return the extension of an uploaded image; raise if it is not an image."""
    if len(content) > MAX_IMAGE_BYTES:
        raise UnreadableImageError(
            f"{name} has {len(content) / 1e6:.0f} MB.",
            f"Upload images of up to {MAX_IMAGE_BYTES // 1_000_000} MB.",
        )
    kind = check_image(BytesIO(content), name=name).format
    return SUFFIXES.get(kind, f".{kind.lower()}")


def _keep(content: BinaryIO, path: Path) -> None:
    content.seek(0)
    try:
        write_atomically(path, lambda file: shutil.copyfileobj(content, file))
    except OSError as error:
        raise WorkbenchError(
            f"{path.name} could not be saved ({error.strerror}).",
            "Free disk space and upload it again; earlier files are saved.",
        ) from error


def _folder_name(label: str) -> str:
    label = check_text("label", label)
    if "/" in label or label.startswith(".") or len(label.encode()) > 255:
        raise WorkbenchError(
            f"“{label[:40]}” cannot name a class folder.",
            "Leave out slashes and a dot at the start, and keep it short.",
        )
    return label


def _free_path(folder: Path, name: str, suffix: str) -> Path:
    """Return an unused path in `folder` similar to `name`."""
    plain = "".join(c for c in name if c.isprintable() and c not in "/\\").lstrip(".")
    stem, own_suffix = os.path.splitext(plain)
    suffix = own_suffix if own_suffix.lower() in EXTENSIONS else suffix
    stem = stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore") or "image"
    number, path = 1, folder / f"{stem}{suffix}"
    while path.exists():
        number += 1
        path = folder / f"{stem}-{number}{suffix}"
    return path
