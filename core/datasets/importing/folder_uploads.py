"""Uploaded folders, packed as a zip, which `unzip` imports within its limits."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from core.datasets.annotations.file_names import may_annotate
from core.datasets.importing.archive_budget import MAX_ARCHIVE_BYTES, MAX_ENTRIES
from core.datasets.importing.archive_entries import safe_parts, why_skipped
from core.datasets.importing.uploads import keep_for_job
from core.datasets.tally import Reason
from core.errors import WorkbenchError
from core.workspace import Workspace


def keep_folder_for_job(
    workspace: Workspace, name: str, files: Sequence[tuple[str, BinaryIO]]
) -> Path:
    """Save the images of an uploaded folder, and what annotates them, as a zip for a job.

    Returns its path.

    Args:
        workspace: The workspace.
        name: Name of the folder.
        files: Path in the folder, which begins with the folder itself, and content of each file.

    Raises:
        WorkbenchError: A path is unsafe, there are no images or too many, or the disk is full.
    """
    if len(files) > MAX_ENTRIES:
        raise _too_large(f"more than {MAX_ENTRIES:,} files")
    kept, others, has_images = [], [], False
    for path, content in files:
        parts = _parts_of(path)
        reason = why_skipped(parts)
        path = "/".join(parts)
        has_images = has_images or reason is None
        if reason is None or (path and reason == Reason.OTHER and may_annotate(parts[-1])):
            kept.append((path, content))
        elif path:
            others.append(path)
    if not has_images:
        raise WorkbenchError(f"{name} holds no images.", "Upload a folder with images.")
    if sum(content.seek(0, io.SEEK_END) for _, content in kept) > MAX_ARCHIVE_BYTES:
        raise _too_large(f"more than {MAX_ARCHIVE_BYTES >> 30} GiB")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path, content in kept:
            content.seek(0)
            archive.writestr(path, content.read())
        for path in others:  # Only their names, so that the import lists them
            archive.writestr(path, b"")
    return keep_for_job(workspace, name, packed, ".zip")


def _parts_of(path: str) -> tuple[str, ...]:
    """Return the parts of an uploaded file's path below its folder.

    Raises:
        WorkbenchError: The path is unsafe.
    """
    parts = safe_parts(path)
    if parts is None or "\0" in path:
        raise WorkbenchError(
            f"“{path[:80]}” would be saved outside its folder.", "Upload the folder again."
        )
    return parts[1:]


def _too_large(what: str) -> WorkbenchError:
    return WorkbenchError(
        f"The folder holds {what}.", "Copy it to the server, and import it as a folder."
    )
