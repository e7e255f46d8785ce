"""Labels, splits and status of the analyzed images, read from the current catalog.

Shapes, in this file: N images, in the order of the embeddings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.columns import ImageStatus, Split

NONE = -1
"""The class or split number of images without one and of images that are not usable."""

SPLITS = tuple(Split)


@dataclass(frozen=True, slots=True)
class ImageLabels:
    """Labels, splits and status of images at one moment."""

    classes: list[str]
    """Names of the classes, sorted."""

    labels: NDArray[np.int32]
    """(N,) places in `classes`, or `NONE`."""

    splits: NDArray[np.int8]
    """(N,) places in `SPLITS`, or `NONE`."""

    usable: NDArray[np.bool_]
    """(N,) whether an image still exists, is readable and is not excluded."""

    def among(self, labels: tuple[str, ...], splits: tuple[str, ...]) -> NDArray[np.bool_]:
        """Return (N,) which usable images are of these classes and in these splits; () is any."""
        selected = self.usable.copy()
        if labels:
            numbers = [self.classes.index(label) for label in labels if label in self.classes]
            selected &= np.isin(self.labels, numbers)
        if splits:
            selected &= np.isin(self.splits, [SPLITS.index(Split(split)) for split in splits])
        return selected


def read_image_labels(catalog: Catalog, image_ids: NDArray[np.int64]) -> ImageLabels:
    """Read the labels, splits and status of the images of (N,) ascending ids."""
    rows = catalog.select(f"SELECT id, label, split FROM images WHERE {ImageStatus.USABLE.sql}")
    ids = np.array([image_id for image_id, _, _ in rows], np.int64)
    places = np.minimum(np.searchsorted(image_ids, ids), len(image_ids) - 1)
    here = np.flatnonzero(image_ids[places] == ids).tolist()
    classes = sorted({rows[at][1] for at in here if rows[at][1] is not None})
    class_numbers = {label: place for place, label in enumerate(classes)}
    split_numbers = {str(split): place for place, split in enumerate(SPLITS)}
    read = ImageLabels(
        classes=classes,
        labels=np.full(len(image_ids), NONE, np.int32),
        splits=np.full(len(image_ids), NONE, np.int8),
        usable=np.zeros(len(image_ids), np.bool_),
    )
    known = places[here]
    read.labels[known] = [class_numbers.get(rows[at][1], NONE) for at in here]
    read.splits[known] = [split_numbers.get(rows[at][2], NONE) for at in here]
    read.usable[known] = True
    return read
