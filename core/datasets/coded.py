"""Classes, splits and status of many images as numbers, read from the catalog at once.

Shapes, in this file: N images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.columns import ALL_IMAGES, ImageFilter, ImageStatus, Split

NONE = -1
"""The number of an image without a class or split, or that is not in the catalog."""

SPLITS = tuple(Split)
STATUSES = (ImageStatus.USABLE, ImageStatus.EXCLUDED, ImageStatus.PROBLEM)
USABLE, EXCLUDED, PROBLEM = range(len(STATUSES))

GROUPS = (
    "SELECT label, split, problem IS NOT NULL, excluded, group_concat(id) FROM images "
    "GROUP BY label, split, problem, excluded"
)
"""A row a group: that of a million images is read in a fifth of the time of a row an image."""


@dataclass(frozen=True, slots=True, eq=False)
class CodedImages:
    """Classes, splits and status of N images."""

    classes: list[str]
    """Names of the classes in the catalog, sorted."""

    labels: NDArray[np.int32]
    """(N,) places in `classes`, or `NONE`."""

    splits: NDArray[np.int8]
    """(N,) places in `SPLITS`, or `NONE`."""

    statuses: NDArray[np.int8]
    """(N,) places in `STATUSES`, or `NONE` if the image is not in the catalog."""


def read_ids(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> NDArray[np.int64]:
    """Return (N,) the ascending ids of images, three times as fast as a row an image."""
    where, parameters = images.where()
    query = f"SELECT group_concat(id) FROM images WHERE {where}"
    return np.sort(_numbers(catalog.select(query, parameters)[0][0] or ""))


def read_coded(catalog: Catalog, image_ids: NDArray[np.int64]) -> CodedImages:
    """Read the classes, splits and status of the images of (N,) ascending ids."""
    groups = catalog.select(GROUPS)
    classes = sorted({label for label, *_ in groups if label is not None})
    numbers = {label: number for number, label in enumerate(classes)}
    split_numbers = {str(split): number for number, split in enumerate(SPLITS)}
    count = len(image_ids)
    read = CodedImages(
        classes=classes,
        labels=np.full(count, NONE, np.int32),
        splits=np.full(count, NONE, np.int8),
        statuses=np.full(count, NONE, np.int8),
    )
    for label, split, is_problem, is_excluded, ids in groups:
        rows = _rows_of(_numbers(ids), image_ids)
        read.labels[rows] = numbers.get(label, NONE)
        read.splits[rows] = split_numbers.get(split, NONE)
        read.statuses[rows] = PROBLEM if is_problem else EXCLUDED if is_excluded else USABLE
    return read


def _numbers(text: str) -> NDArray[np.int64]:
    return np.fromstring(text, np.int64, sep=",")


def _rows_of(ids: NDArray[np.int64], image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of those `ids` that are among (N,) ascending ids."""
    if not len(image_ids):
        return np.empty(0, np.int64)
    places = np.minimum(np.searchsorted(image_ids, ids), len(image_ids) - 1)
    found: NDArray[np.int64] = places[image_ids[places] == ids]
    return found
