"""Training history maps: the validation images of a run on one map an epoch.

Shapes, in this file: T epochs, V validation images, D embedding dimensions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import MissingError, WorkbenchError
from core.files import write_atomically
from core.indexes.neighbors import find_neighbors
from core.maps import pca, umap
from core.maps.config import MIN_EPOCHS, MIN_IMAGES, MapConfig
from core.progress import Work, run_part
from core.training.history import read_epoch, read_validation_ids, saved_epochs
from core.training.runs import folder_of, read_run
from core.workspace import Workspace

FILE = "epochs_map.npz"
STEPS, INITIAL_RATE = 100, 0.3
"""UMAP epochs and initial learning rate (1 by default) from one map to the next. More of either
moved images further, and made maps no more trustworthy."""


@dataclass(frozen=True, slots=True, eq=False)
class EpochMaps:
    """Maps of the same images, one an epoch."""

    epochs: NDArray[np.int64]
    """(T,) ascending; 0 is before the first epoch."""

    points: NDArray[np.float32]
    """(T, V, 2) float32, each map aligned to the one before it."""

    image_ids: NDArray[np.int64]
    """(V,) catalog ids."""


def build_epoch_maps(workspace: Workspace, run_id: str) -> Work[EpochMaps]:
    """Lay out the embeddings that a run saved after each epoch, and save the maps in its folder.

    Each map starts from the previous one, so that images move from map to map and do not jump. The
    opposite order, from the last epoch to the first, would show groups before they exist.

    Raises:
        MissingError: The run does not exist.
        DamagedArtifactError: Saved embeddings are damaged.
        WorkbenchError: The run has too few saved epochs or validation images.
    """
    read_run(workspace, run_id)
    folder = folder_of(workspace, run_id)
    epochs = saved_epochs(folder)
    if len(epochs) < MIN_EPOCHS:
        raise WorkbenchError(
            f"{run_id} has {len(epochs)} saved epochs, and a training history needs {MIN_EPOCHS}.",
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
    maps = EpochMaps(np.array(epochs), np.stack(points), ids)
    write_atomically(
        folder / FILE,
        lambda file: np.savez(file, epochs=maps.epochs, points=maps.points, image_ids=ids),
        durable=False,
    )
    return maps


def open_epoch_maps(workspace: Workspace, run_id: str) -> EpochMaps:
    """Read the maps of a run's epochs.

    Raises:
        MissingError: They were not laid out yet, or more epochs were saved since.
    """
    folder = folder_of(workspace, run_id)
    missing = MissingError(f"{run_id} has no map of its epochs.", "Create it.")
    try:
        with np.load(folder / FILE, allow_pickle=False) as arrays:
            maps = EpochMaps(arrays["epochs"], arrays["points"], arrays["image_ids"])
    except (OSError, ValueError, KeyError) as error:
        raise missing from error
    if maps.epochs.tolist() != saved_epochs(folder):
        raise missing
    return maps


def align(points: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rotate, reflect and shift (V, 2) points to fit (V, 2) target points.

    The orthogonal Procrustes problem (Schönemann 1966); distances do not change.
    """
    center, goal = points.mean(axis=0), target.mean(axis=0)
    left, _, right = np.linalg.svd((points - center).T.astype(np.float64) @ (target - goal))
    aligned: NDArray[np.float32] = ((points - center) @ (left @ right) + goal).astype(np.float32)
    return aligned


def _lay_out(
    vectors: NDArray[np.float32], previous: NDArray[np.float32] | None
) -> Work[NDArray[np.float32]]:
    config = MapConfig(index="")
    k = min(config.neighbors, len(vectors)) - 1
    neighbors = yield from find_neighbors(vectors, k)
    unlabeled = np.full(len(vectors), umap.NO_LABEL)
    if previous is None:
        start = umap.spread(pca.fit(vectors, 2).project(vectors))
        return (yield from umap.lay_out(start, neighbors, config, unlabeled))
    schedule = umap.Schedule(STEPS, INITIAL_RATE)
    points = yield from umap.lay_out(previous, neighbors, config, unlabeled, schedule)
    return align(points, previous)
