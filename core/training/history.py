"""History of a run: the embeddings and confusions of its validation images after each epoch.

Shapes, in this file: V validation images, D embedding dimensions, C classes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedArtifactError
from core.files import read_json, write_atomically, write_json
from core.options import fits

IDS, LABELS, CLASSES = "validation_ids.npy", "validation_labels.npy", "classes.json"
EMBEDDINGS, CONFUSION = "embeddings", "confusion"
"""Folders with a file for each epoch."""

DAMAGED = (OSError, EOFError, ValueError, TypeError, LookupError)
"""Exceptions of damaged files of a history."""

NUM_SAMPLES = 6
NUM_MATCHES = 5


@dataclass(frozen=True, slots=True)
class SampleRetrieval:
    """A validation image used as a query after each epoch, and its matches."""

    image_id: int
    label: str
    matches: tuple[tuple[int, bool], ...]
    """Image id, and whether it has the same class; nearest first."""


def begin_history(
    folder: Path, ids: NDArray[np.int64], labels: NDArray[np.int64], classes: list[str]
) -> None:
    """Save which images the history is of: (V,) catalog ids, and (V,) positions in `classes`."""
    _write(folder / IDS, ids)
    _write(folder / LABELS, labels)
    write_json(folder / CLASSES, classes)


def write_epoch(
    folder: Path,
    epoch: int,
    embeddings: NDArray[np.float32],
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
) -> None:
    """Save (V, D) unit rows of an epoch, from 1, in half precision, and its confusions.

    `labels` has the (V,) true classes, `predicted` the (V,) predicted ones.
    """
    for name in (EMBEDDINGS, CONFUSION):
        (folder / name).mkdir(exist_ok=True)
    _write(_file(folder, EMBEDDINGS, epoch), embeddings.astype(np.float16))
    pairs, counts = np.unique(np.stack([labels, predicted]), axis=1, return_counts=True)
    _write(_file(folder, CONFUSION, epoch), np.vstack([pairs, counts]).astype(np.int32))


def saved_epochs(folder: Path) -> list[int]:
    """Return the epochs that were saved, ascending."""
    return sorted(int(path.stem) for path in (folder / EMBEDDINGS).glob("[0-9]*.npy"))


def read_epoch(folder: Path, epoch: int) -> NDArray[np.float32]:
    """Return the validation images' embeddings after an epoch: (V, D) unit rows.

    Raises:
        DamagedArtifactError: The file is damaged or missing.
    """
    try:
        rows = np.load(_file(folder, EMBEDDINGS, epoch), allow_pickle=False).astype(np.float32)
    except DAMAGED as error:
        raise DamagedArtifactError(
            f"The record of epoch {epoch} of {folder.name} is damaged.", "Train again to record it."
        ) from error
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


def read_validation_ids(folder: Path) -> NDArray[np.int64]:
    """Return the (V,) catalog ids of the validation images."""
    ids: NDArray[np.int64] = np.load(folder / IDS, allow_pickle=False)
    return ids


def read_sample_retrievals(folder: Path, epoch: int) -> list[SampleRetrieval]:
    """Return sample queries and their nearest validation images after an epoch; [] if not saved.

    The queries are the same in every epoch: the first image of up to `NUM_SAMPLES` classes.
    """
    try:
        ids, labels = np.load(folder / IDS), np.load(folder / LABELS)
        classes = _read_classes(folder, labels)
        embeddings = np.load(_file(folder, EMBEDDINGS, epoch)).astype(np.float32)
    except DAMAGED:
        return []
    retrievals = []
    for query in _queries(labels):
        similarity = embeddings @ embeddings[query]
        similarity[query] = -np.inf
        nearest = np.argsort(-similarity, kind="stable")[: min(NUM_MATCHES, len(ids) - 1)]
        matches = tuple((int(ids[i]), bool(labels[i] == labels[query])) for i in nearest)
        retrievals.append(SampleRetrieval(int(ids[query]), str(classes[labels[query]]), matches))
    return retrievals


def read_confusions(folder: Path, epoch: int, limit: int = 20) -> list[tuple[str, str, int]]:
    """Return (true class, predicted class, count) after an epoch, most frequent first."""
    try:
        pairs = np.load(_file(folder, CONFUSION, epoch))
        classes = _read_classes(folder, pairs[:2])
    except DAMAGED:
        return []
    wrong = pairs[:, pairs[0] != pairs[1]]
    worst = wrong[:, np.argsort(-wrong[2], kind="stable")[:limit]]
    return [(classes[a], classes[b], int(count)) for a, b, count in worst.T]


def _read_classes(folder: Path, numbers: NDArray[np.int64]) -> list[str]:
    """Return the names of the classes, which must include these positions."""
    classes: list[str] = read_json(folder / CLASSES)
    if not fits(classes, list[str]) or numbers.max(initial=-1) >= len(classes):
        raise ValueError("not the classes of this run")
    return classes


def _queries(labels: NDArray[np.int64]) -> list[int]:
    """Return the position of the first image of some classes with at least two images."""
    _, first, count = np.unique(labels, return_index=True, return_counts=True)
    several = first[count > 1]
    if len(several) <= NUM_SAMPLES:
        return [int(position) for position in several]
    chosen = np.linspace(0, len(several) - 1, NUM_SAMPLES).round().astype(int)
    return [int(position) for position in several[chosen]]


def _file(folder: Path, name: str, epoch: int) -> Path:
    return folder / name / f"{epoch:04}.npy"


def _write(path: Path, array: NDArray[np.generic]) -> None:
    write_atomically(path, lambda file: np.save(file, array), durable=False)
