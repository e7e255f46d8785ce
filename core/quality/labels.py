"""What a catalog says at present of the images that were looked at: label, split, in use or not.

Shapes, in this file: N images, in the order of the embeddings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog, Split
from core.datasets.filters import STATUS_SQL, ImageStatus
from core.datasets.schema import connect

NONE = -1
"""In place of a class or a split: the image has none, or is not in use."""

SPLITS = tuple(Split)


@dataclass(frozen=True, slots=True)
class ImageLabels:
    """The state of the images, read at once."""

    classes: list[str]
    """Sorted names."""

    labels: NDArray[np.int32]
    """(N,) places in `classes`, or `NONE`."""

    splits: NDArray[np.int8]
    """(N,) places in `SPLITS`, or `NONE`."""

    usable: NDArray[np.bool_]
    """(N,) whether an image is still there, can be read, and is not excluded."""

    def among(self, labels: tuple[str, ...], splits: tuple[str, ...]) -> NDArray[np.bool_]:
        """Return the (N,) images in use that are of one of these classes and in these splits.

        None named means any.
        """
        kept = self.usable.copy()
        if labels:
            wanted = [self.classes.index(label) for label in labels if label in self.classes]
            kept &= np.isin(self.labels, wanted)
        if splits:
            kept &= np.isin(self.splits, [SPLITS.index(Split(split)) for split in splits])
        return kept


def read_image_labels(catalog: Catalog, image_ids: NDArray[np.int64]) -> ImageLabels:
    """Read what is said of the images of (N,) ascending ids."""
    with connect(catalog.path) as connection:
        rows = connection.execute(
            f"SELECT id, label, split FROM images WHERE {STATUS_SQL[ImageStatus.USABLE]}"
        ).fetchall()
    ids = np.array([image_id for image_id, _, _ in rows], np.int64)
    places = np.minimum(np.searchsorted(image_ids, ids), len(image_ids) - 1)
    here = np.flatnonzero(image_ids[places] == ids).tolist()
    classes = sorted({rows[at][1] for at in here if rows[at][1] is not None})
    number = {label: place for place, label in enumerate(classes)}
    split_number = {str(split): place for place, split in enumerate(SPLITS)}
    found = ImageLabels(
        classes=classes,
        labels=np.full(len(image_ids), NONE, np.int32),
        splits=np.full(len(image_ids), NONE, np.int8),
        usable=np.zeros(len(image_ids), np.bool_),
    )
    kept = places[here]
    found.labels[kept] = [number.get(rows[at][1], NONE) for at in here]
    found.splits[kept] = [split_number.get(rows[at][2], NONE) for at in here]
    found.usable[kept] = True
    return found
