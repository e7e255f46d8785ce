"""Labels, splits and status of the analyzed images, read from the current catalog.

Shapes, in this file: N images, in the order of the embeddings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.coded import NONE, SPLITS, USABLE, read_coded
from core.datasets.columns import Split


@dataclass(frozen=True, slots=True)
class ImageLabels:
    """Labels, splits and status of images at one moment."""

    classes: list[str]
    """Names of the classes, sorted."""

    labels: NDArray[np.int32]
    """(N,) places in `classes`, or `NONE` without one and for images that are not usable."""

    splits: NDArray[np.int8]
    """(N,) places in `SPLITS`, or `NONE` likewise."""

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
    read = read_coded(catalog, image_ids)
    usable = read.statuses == USABLE
    labels = np.where(usable, read.labels, NONE)
    present = np.unique(labels[labels >= 0])
    places = np.full(len(read.classes) + 1, NONE, np.int32)  # The last place is that of NONE
    places[present] = np.arange(len(present))
    return ImageLabels(
        classes=[read.classes[number] for number in present.tolist()],
        labels=places[labels],
        splits=np.where(usable, read.splits, np.int8(NONE)),
        usable=usable,
    )
