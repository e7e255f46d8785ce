"""Summary of the images selected on a map, and their export as CSV.

Shapes, in this file: N points, S selected points, K neighbors.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.columns import ImageRow
from core.maps.neighbors import Neighbors

RANKS = 10
"""Neighbors that precision is measured over."""

COLUMNS = ("image_id", "path", "label", "split", "knn_vote", "neighborhood_preservation")


@dataclass(frozen=True, slots=True)
class SelectionSummary:
    """Classes of the selected images and their retrieval among all images of the map."""

    num_images: int
    classes: list[tuple[str, int]]
    """(class, number of selected images), the most frequent first."""

    precision: float | None
    """Mean precision@10 of the selected images with a label; None if none has one."""

    confused: list[tuple[str, str, int]]
    """(class, other class, number of results of that class among the ten nearest), the most
    frequent first."""


def summarize(
    rows: NDArray[np.int64], labels: Sequence[str | None], neighbors: Neighbors
) -> SelectionSummary:
    """Summarize the images at (S,) `rows` of a map, each as a query among all other images.

    Args:
        rows: (S,) places.
        labels: N classes.
        neighbors: (N, at least 1) in the embedding space; at most ten are used.
    """
    shares: list[float] = []
    confused: Counter[tuple[str, str]] = Counter()
    near = neighbors.rows[:, :RANKS]
    for row in rows.tolist():
        own = labels[row]
        if own is None:
            continue
        retrieved = [labels[other] for other in near[row].tolist()]
        shares.append(retrieved.count(own) / len(retrieved))
        confused.update((own, other) for other in retrieved if other not in (own, None))
    return SelectionSummary(
        num_images=len(rows),
        classes=count_classes(labels[row] for row in rows.tolist()),
        precision=float(np.mean(shares)) if shares else None,
        confused=[(own, other, count) for (own, other), count in confused.most_common()],
    )


def count_classes(labels: Iterable[str | None]) -> list[tuple[str, int]]:
    """Return (class, number of images), the most frequent first, without unlabeled images."""
    return Counter(label for label in labels if label).most_common()


def share_among(rows: NDArray[np.int64], others: NDArray[np.int64], neighbors: Neighbors) -> float:
    """Return the share of the ten nearest neighbors of the images at `rows` that are in `others`.

    Args:
        rows: (S,) places, at least one.
        others: Places.
        neighbors: (N, at least 1) in the embedding space.
    """
    return float(np.isin(neighbors.rows[rows, :RANKS], others).mean())


def selection_as_csv(
    images: Sequence[ImageRow], votes: Sequence[str | None], preserved: NDArray[np.float32]
) -> bytes:
    """Return the selected images as CSV (RFC 4180, UTF-8), a row an image.

    Args:
        images: S images.
        votes: S classes by the vote of their neighbors, see `coloring.predict`.
        preserved: (S,) neighborhood preservation.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for image, vote, share in zip(images, votes, preserved.tolist(), strict=True):
        writer.writerow([image.id, image.path, image.label, image.split, vote, round(share, 4)])
    return file.getvalue().encode()
