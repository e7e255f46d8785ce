"""Cache of arrays on disk: decoded images, and the output of a backbone's frozen blocks.

The arrays may be deleted at any time. To keep the folder within a budget, the least recently used
ones are deleted first.
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
"""Largest size of the cache; Caltech-101 with the classic preset takes 2 GB."""

ARRAY = "array.npy"
PROBLEMS = "problems.json"
Fill = Callable[[RowCache], Work[dict[int, str]]]


def cached_array(
    workspace: Workspace, key: str, shape: tuple[int, ...], dtype: type[np.generic], fill: Fill
) -> Work[tuple[RowCache, dict[int, str]]]:
    """Return the array cached under `key`, computed by `fill` if it is missing.

    Args:
        workspace: The workspace of the cache.
        key: Identifies everything that the content depends on.
        shape: Shape of the array; its first axis counts images.
        dtype: Type of the array.
        fill: Fills the array, and returns row → reason for the rows that it could not compute.

    Returns:
        The array, and row → reason for its empty rows.

    Raises:
        WorkbenchError: There is not enough space on the disk.
    """
    folder = workspace.features / hashlib.sha256(key.encode()).hexdigest()[:24]
    if not folder.exists():
        _free_space(workspace.features, int(np.prod(shape)) * np.dtype(dtype).itemsize)
        with draft(workspace.features) as private:
            array = RowCache.create(private / ARRAY, shape, dtype)
            try:
                problems = yield from fill(array)
            finally:
                array.close()
            sync_file(private / ARRAY)
            write_json(private / PROBLEMS, problems)
            _publish(private, folder)
    os.utime(folder)
    text = json.loads((folder / PROBLEMS).read_text(encoding="utf-8"))
    return RowCache(folder / ARRAY), {int(row): reason for row, reason in text.items()}


def _publish(private: Path, folder: Path) -> None:
    try:
        private.rename(folder)
    except OSError:  # Another run cached the same meanwhile
        if not folder.exists():
            raise


def _free_space(parent: Path, needed: int) -> None:
    parent.mkdir(parents=True, exist_ok=True)
    cached = [folder for folder in parent.iterdir() if not folder.name.startswith(".")]
    cached.sort(key=lambda folder: folder.stat().st_mtime)
    total = sum(_size(folder) for folder in cached)
    while cached and (total + needed > BUDGET_BYTES or shutil.disk_usage(parent).free < needed):
        oldest = cached.pop(0)
        total -= _size(oldest)
        shutil.rmtree(oldest, ignore_errors=True)
    if shutil.disk_usage(parent).free < needed:
        raise WorkbenchError(
            f"The disk has no room for the {needed / 1e9:.1f} GB that this training keeps aside.",
            "Free some space, or choose smaller images.",
        )


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
