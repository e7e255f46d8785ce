"""Images and classes that a run began with, compared with the dataset before it is resumed."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.datasets.columns import ImageRow, Split
from core.errors import DamagedArtifactError, WorkbenchError
from core.files import read_json, write_atomically
from core.training.history import CLASSES
from core.training.runs import START_ANEW
from core.training.state import STATE

IMAGES = "images.npy"
"""(N, 4) int64, a row a labeled image: catalog id, number of the class, 1 for a train image and 0
for a validation image, and the first 8 bytes of its SHA-256. Runs of before lack this file."""

MAX_NAMES = 5
"""Most classes that the message names."""


def begin_run_data(
    folder: Path, rows: Sequence[ImageRow], classes: Sequence[str], *, save: bool = True
) -> None:
    """Save which images a run begins with, or compare them with those that it began with.

    Args:
        folder: The run's folder.
        rows: The labeled train and validation images of the dataset as it is now.
        classes: Their classes.
        save: Whether this process writes the run's files; of several, one does, and all compare.

    Raises:
        WorkbenchError: The run has a saved state, and the dataset has changed since it started.
        DamagedArtifactError: What was saved is damaged.
    """
    images = _images(rows, classes)
    if not (folder / STATE).exists():
        if save:
            write_atomically(folder / IMAGES, lambda file: np.save(file, images), durable=False)
        return
    try:
        changes = _changes(folder, images, classes)
    except (OSError, EOFError, ValueError, TypeError, IndexError) as error:
        raise DamagedArtifactError(
            f"The record of the images of “{folder.name}” is damaged.", START_ANEW
        ) from error
    if changes:
        raise WorkbenchError(
            f"The dataset has changed since this run started: {changes}.", START_ANEW
        )


def _images(rows: Sequence[ImageRow], classes: Sequence[str]) -> NDArray[np.int64]:
    numbers = {label: number for number, label in enumerate(classes)}
    values = [
        (
            row.id,
            numbers[str(row.label)],
            row.split == Split.TRAIN,
            int.from_bytes(bytes.fromhex(row.sha256[:16]), signed=True),
        )
        for row in rows
    ]
    return np.array(values, np.int64).reshape(len(values), 4)


def _changes(folder: Path, images: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Return what has changed since the run began, "" if nothing has."""
    before: list[str] = read_json(folder / CLASSES)
    changes = [
        _named("classes added", [label for label in classes if label not in before]),
        _named("classes removed", [label for label in before if label not in classes]),
    ]
    if not any(changes) and (folder / IMAGES).exists():
        saved = np.load(folder / IMAGES, allow_pickle=False)
        then, now = ({row[0]: row for row in rows.tolist()} for rows in (saved, images))
        changed = [image_id for image_id in then.keys() & now if then[image_id] != now[image_id]]
        changes = [
            _counted("added", len(now.keys() - then)),
            _counted("removed", len(then.keys() - now)),
            _counted("changed", len(changed)),
        ]
    return ", ".join(filter(None, changes))


def _named(what: str, names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:MAX_NAMES])
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{what} ({shown}{more})" if names else ""


def _counted(what: str, count: int) -> str:
    return f"{count:,} image{'s' * (count != 1)} {what}" if count else ""
