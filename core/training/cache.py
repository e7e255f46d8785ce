"""Arrays that are costly to make and cheap to keep: decoded images, a frozen trunk's output.

They may be deleted at any time; the folder is kept within a budget, the longest unused first.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.artifacts.folders import draft
from core.errors import WorkbenchError
from core.files import sync_file, write_json
from core.progress import Work
from core.training.row_cache import RowCache
from core.workspace import Workspace

BUDGET_BYTES = 20 << 30
"""What the cache may take: Caltech-101 at the classic recipe's boundary takes 2 GB."""

ARRAY = "array.npy"
PROBLEMS = "problems.json"
Fill = Callable[[RowCache], Work[dict[int, str]]]


def cached_array(
    workspace: Workspace, key: str, shape: tuple[int, ...], dtype: type[np.generic], fill: Fill
) -> Work[tuple[RowCache, dict[int, str]]]:
    """Return the array kept under `key`; made by `fill` if it is not there.

    Args:
        workspace: Where the cache lies.
        key: Identifies everything that the content depends on.
        shape: Of the array; its first axis counts images.
        dtype: Of the array.
        fill: Writes into the array it is given and returns row → reason for rows it could not.

    Returns:
        The array, and the rows that hold nothing, with the reasons.

    Raises:
        WorkbenchError: The disk has no room for it.
    """
    folder = workspace.features / hashlib.sha256(key.encode()).hexdigest()[:24]
    if not folder.exists():
        _make_room(workspace.features, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        with draft(workspace.features) as private:
            array = RowCache.create(private / ARRAY, shape, dtype)
            try:
                problems = yield from fill(array)
            finally:
                array.close()
            sync_file(private / ARRAY)
            write_json(private / PROBLEMS, problems)
            _settle(private, folder)
    os.utime(folder)
    text = json.loads((folder / PROBLEMS).read_text(encoding="utf-8"))
    return RowCache(folder / ARRAY), {int(row): reason for row, reason in text.items()}


def _settle(private: Path, folder: Path) -> None:
    try:
        private.rename(folder)
    except OSError:  # Another run made the same meanwhile; its is as good
        if not folder.exists():
            raise


def _make_room(parent: Path, needed: int) -> None:
    parent.mkdir(parents=True, exist_ok=True)
    kept = [folder for folder in parent.iterdir() if not folder.name.startswith(".")]
    kept.sort(key=lambda folder: folder.stat().st_mtime)
    total = sum(_size(folder) for folder in kept)
    while kept and (total + needed > BUDGET_BYTES or shutil.disk_usage(parent).free < needed):
        oldest = kept.pop(0)
        total -= _size(oldest)
        shutil.rmtree(oldest, ignore_errors=True)
    if shutil.disk_usage(parent).free < needed:
        raise WorkbenchError(
            f"The disk has no room for the {needed / 1e9:.1f} GB that this training keeps aside.",
            "Free some space, or choose smaller images.",
        )


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
