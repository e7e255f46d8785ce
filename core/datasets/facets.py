"""What a view of a dataset is made up of: how many images of each tag, side and shape."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.filters import ALL_IMAGES, ASPECT_SQL, SIDE_SQL, ImageFilter
from core.datasets.schema import connect


class Measure(StrEnum):
    """What a histogram is over."""

    SIDE = "side"
    """The longest side, in pixels."""

    ASPECT = "aspect"
    """Width / height."""


MEASURE_SQL = {Measure.SIDE: SIDE_SQL, Measure.ASPECT: ASPECT_SQL}


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many images lie in each bin."""

    edges: NDArray[np.float64]
    """(B + 1,) ascending; evenly spaced, or their logarithms are. Empty without images."""

    counts: NDArray[np.int64]
    """(B,); the last bin includes its right edge."""

    def around(self, low: float, high: float) -> tuple[float, float] | None:
        """Return the outer edges of the bins that a range touches; None if it touches none."""
        touched = np.flatnonzero((self.edges[:-1] < high) & (self.edges[1:] > low))
        if not len(touched):
            return None
        return float(self.edges[touched[0]]), float(self.edges[touched[-1] + 1])


def tag_counts(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> dict[str, int]:
    """Return how many of the images have each tag, most frequent first."""
    where, parameters = images.where()
    with connect(catalog.path) as connection:
        rows = connection.execute(
            "SELECT tag, COUNT(*) FROM tags JOIN images ON image_id = id "
            f"WHERE {where} GROUP BY tag ORDER BY COUNT(*) DESC, tag",
            parameters,
        )
        return dict(rows.fetchall())


def histogram(
    catalog: Catalog, measure: Measure, images: ImageFilter = ALL_IMAGES, *, num_bins: int = 32
) -> Histogram:
    """Count the images by side (even bins) or by shape (bins even in the logarithm)."""
    where, parameters = images.where()
    with connect(catalog.path) as connection:
        rows = connection.execute(
            f"SELECT {MEASURE_SQL[measure]} AS value, COUNT(*) FROM images WHERE {where} "
            "GROUP BY value",
            parameters,
        ).fetchall()
    if not rows:
        return Histogram(np.empty(0), np.empty(0, np.int64))
    values, weights = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    edges = _edges(values, measure, num_bins)
    counts, _ = np.histogram(values, edges, weights=weights)
    return Histogram(edges, counts.astype(np.int64))


def _edges(values: NDArray[np.float64], measure: Measure, num_bins: int) -> NDArray[np.float64]:
    low, high = values.min(), values.max()
    if measure == Measure.ASPECT:  # 1:2 is as far from a square as 2:1
        return np.geomspace(low / 1.05, high * 1.05, num_bins + 1)
    return np.linspace(low, max(high, low + 1), num_bins + 1)
