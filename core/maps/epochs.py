"""How a training formed its embedding space: the validation images on a map after each epoch.

Shapes, in this file: T epochs, V validation images, D embedding dimensions.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from core.errors import MissingError, WorkbenchError
from core.files import write_atomically
from core.maps import pca, umap
from core.maps.config import MIN_EPOCHS, MIN_IMAGES, MapConfig
from core.maps.neighbors import find_neighbors
from core.progress import Work, run_part
from core.training.history import read_epoch, read_validation_ids, saved_epochs
from core.training.runs import folder_of, read_run
from core.workspace import Workspace

FILE = "epochs_map.npz"
STEPS, CALM = 100, 0.3
"""Epochs of UMAP that move one map on to the next, and what the first of them are held to, of what
a map laid out from nothing begins with. More of either moved images further, and made maps no more
trustworthy."""


@dataclass(frozen=True, slots=True, eq=False)
class EpochMaps:
    """A map of the same images after each epoch."""

    epochs: NDArray[np.int64]
    """(T,) ascending; 0 is before the first."""

    points: NDArray[np.float32]
    """(T, V, 2), each turned to lie on the one before it as well as it can."""

    image_ids: NDArray[np.int64]
    """(V,) catalog ids."""


def build_epoch_maps(workspace: Workspace, run_id: str) -> Work[EpochMaps]:
    """Lay out what a run recorded after each epoch, and keep it in the run's folder.

    Each begins where the one before it ended: images move from map to map, and do not jump. It does
    not go backwards, from the finished map: its groups would seem to be there before they are.

    Raises:
        MissingError: There is no such run.
        DamagedArtifactError: What it recorded is damaged.
        WorkbenchError: It recorded too few epochs or images.
    """
    read_run(workspace, run_id)
    folder = folder_of(workspace, run_id)
    epochs = saved_epochs(folder)
    if len(epochs) < MIN_EPOCHS:
        raise WorkbenchError(
            f"{run_id} recorded {len(epochs)} epochs, and a map that moves needs {MIN_EPOCHS}.",
            "Train for more epochs.",
        )
    ids = read_validation_ids(folder)
    if len(ids) < MIN_IMAGES:
        raise WorkbenchError(
            f"A map needs at least {MIN_IMAGES} validation images, and {run_id} has {len(ids)}.",
            "Give the validation split more images and train again.",
        )
    points: list[NDArray[np.float32]] = []
    for number, epoch in enumerate(epochs):
        work = _lay_out(read_epoch(folder, epoch), points[-1] if points else None)
        points.append((yield from run_part(work, number, len(epochs), f"epoch {epoch}")))
    found = EpochMaps(np.array(epochs), np.stack(points), ids)
    _write(folder / FILE, found)
    return found


def open_epoch_maps(workspace: Workspace, run_id: str) -> EpochMaps:
    """Read what was laid out of a run.

    Raises:
        MissingError: It was not laid out yet, or epochs were recorded since.
    """
    folder = folder_of(workspace, run_id)
    missing = MissingError(f"{run_id} has no map of its epochs.", "Draw it.")
    try:
        with np.load(folder / FILE, allow_pickle=False) as preserved:
            found = EpochMaps(preserved["epochs"], preserved["points"], preserved["image_ids"])
    except (OSError, ValueError, KeyError) as error:
        raise missing from error
    if found.epochs.tolist() != saved_epochs(folder):
        raise missing
    return found


def align(points: NDArray[np.float32], to: NDArray[np.float32]) -> NDArray[np.float32]:
    """Turn, mirror and shift (V, 2) points to lie on others as well as they can.

    The orthogonal Procrustes problem (Schönemann 1966); distances stay as they are.
    """
    center, goal = points.mean(axis=0), to.mean(axis=0)
    left, _, right = np.linalg.svd((points - center).T.astype(np.float64) @ (to - goal))
    aligned: NDArray[np.float32] = ((points - center) @ (left @ right) + goal).astype(np.float32)
    return aligned


def _lay_out(
    vectors: NDArray[np.float32], before: NDArray[np.float32] | None
) -> Work[NDArray[np.float32]]:
    config = MapConfig(index="")
    k = min(config.neighbors, len(vectors)) - 1
    neighbors = yield from find_neighbors(vectors, k)
    unlabeled = np.full(len(vectors), umap.NO_LABEL)
    if before is None:
        start = umap.spread(pca.fit(vectors, 2).project(vectors))
        return (yield from umap.lay_out(start, neighbors, config, unlabeled))
    calm = umap.Schedule(STEPS, CALM)
    points = yield from umap.lay_out(before, neighbors, config, unlabeled, calm)
    return align(points, before)


def _write(path: Path, found: EpochMaps) -> None:
    def save(file: BinaryIO) -> None:
        np.savez(file, epochs=found.epochs, points=found.points, image_ids=found.image_ids)

    write_atomically(path, save, durable=False)
