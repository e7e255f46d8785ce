"""Facets of a selection of images: the values that filters can take, and their counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.columns import ALL_IMAGES, RANGES, ImageFilter
from core.datasets.filter_kinds import AnyOf, AnyRelated


@dataclass(frozen=True, slots=True)
class Histogram:
    """Number of images in each bin."""

    edges: NDArray[np.float64]
    """(B + 1,) ascending edges, equally spaced or with equally spaced logarithms; empty without
    images."""

    counts: NDArray[np.int64]
    """(B,) images per bin; the last bin includes its right edge."""

    def around(self, low: float, high: float) -> tuple[float, float] | None:
        """Return the outer edges of the bins that a range overlaps; None if it overlaps none."""
        touched = np.flatnonzero((self.edges[:-1] < high) & (self.edges[1:] > low))
        if not len(touched):
            return None
        return float(self.edges[touched[0]]), float(self.edges[touched[-1] + 1])


def value_counts(catalog: Catalog, kind: AnyOf, images: ImageFilter = ALL_IMAGES) -> dict[str, int]:
    """Return how many of the images have each value of a filter; "" counts those without one.

    In the order of the filter's choices, else most frequent first.
    """
    if isinstance(kind, AnyRelated):
        return _related_counts(catalog, kind.table, kind.column, images)
    where, parameters = images.where()
    query = (
        f"SELECT IFNULL({kind.column}, '') AS value, COUNT(*) FROM images "
        f"WHERE {where} GROUP BY value ORDER BY COUNT(*) DESC, value"
    )
    counts: dict[str, int] = dict(catalog.select(query, parameters))
    return {value: counts[value] for value in kind.choices or counts if value in counts}


def tag_counts(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> dict[str, int]:
    """Return how many of the images have each tag, most frequent first."""
    return _related_counts(catalog, "tags", "tag", images)


def _related_counts(
    catalog: Catalog, table: str, column: str, images: ImageFilter
) -> dict[str, int]:
    where, parameters = images.where()
    query = (
        f"SELECT {column}, COUNT(DISTINCT image_id) AS num_images FROM {table} "
        f"WHERE image_id IN (SELECT id FROM images WHERE {where}) "
        f"GROUP BY {column} ORDER BY num_images DESC, {column}"
    )
    return dict(catalog.select(query, parameters))


def first_of_class(catalog: Catalog) -> dict[str, int]:
    """Return class → id of its first image, of all images that are included."""
    where, parameters = ALL_IMAGES.where()
    query = (
        "SELECT label, MIN(id) FROM images "
        f"WHERE {where} AND label IS NOT NULL GROUP BY label ORDER BY label"
    )
    return dict(catalog.select(query, parameters))


def histogram(
    catalog: Catalog, name: str, images: ImageFilter = ALL_IMAGES, *, num_bins: int = 32
) -> Histogram:
    """Return the histogram of the number that a range filter, such as `side`, is about."""
    kind = RANGES[name]
    where, parameters = images.where()
    rows = catalog.select(
        f"SELECT {kind.expression} AS value, COUNT(*) FROM images WHERE {where} GROUP BY value",
        parameters,
    )
    if not rows:
        return Histogram(np.empty(0), np.empty(0, np.int64))
    values, weights = (np.array(column, np.float64) for column in zip(*rows, strict=True))
    low, high = values.min(), values.max()
    if kind.is_log:  # 1:2 is as far from 1:1 as 2:1
        edges = np.geomspace(low / 1.05, high * 1.05, num_bins + 1)
    else:
        edges = np.linspace(low, max(high, low + 1), num_bins + 1)
    counts, _ = np.histogram(values, edges, weights=weights)
    return Histogram(edges, counts.astype(np.int64))
