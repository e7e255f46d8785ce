"""Facets of a selection of images: the values that filters can take, and their counts.

Shapes, in this file: B bins.
"""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.columns import ALL_IMAGES, RANGES, ImageFilter, ImageStatus
from core.datasets.filter_kinds import AnyOf, AnyRelated
from core.datasets.schema import counted


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


BROKEN_DOWN = ("labels", "splits", "status")
"""Filters that a breakdown answers for all of their values at once."""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Number of images by class, split and status."""

    PLACES: ClassVar = {"label": 0, "split": 1}
    """Column of a filter → its place in a group."""

    groups: list[tuple[str | None, str | None, ImageStatus, int]]
    """(class, split, status, number of images) of each that occurs; by class, then by split."""

    def of(self, images: ImageFilter) -> list[tuple[str | None, str | None, ImageStatus, int]]:
        """Return the groups that a filter selects by its classes, splits and status."""
        statuses = STATUSES[images.status]
        return [
            group
            for group in self.groups
            if group[2] in statuses
            and (not images.labels or (group[0] or "") in images.labels)
            and (not images.splits or (group[1] or "") in images.splits)
        ]

    def count(self, images: ImageFilter) -> int:
        """Return the number of images that a filter selects by these three."""
        return sum(count for *_, count in self.of(images))

    def class_counts(self, images: ImageFilter) -> list[tuple[str | None, str | None, int]]:
        """Return (label, split, number of images) as `Catalog.class_counts` does."""
        counts: Counter[tuple[str | None, str | None]] = Counter()
        for label, split, _, count in self.of(images):
            counts[label, split] += count
        return [(*pair, count) for pair, count in counts.items()]

    def value_counts(self, kind: AnyOf, images: ImageFilter) -> dict[str, int]:
        """Return the images of each class or split as the function `value_counts` does."""
        place = self.PLACES[kind.column]
        counts: Counter[str] = Counter()
        for group in self.of(images):
            counts[str(group[place] or "")] += group[3]
        return _in_order(kind, dict(sorted(counts.items(), key=lambda each: (-each[1], each[0]))))


STATUSES = {
    **{status: (status,) for status in ImageStatus},
    ImageStatus.READABLE: (ImageStatus.USABLE, ImageStatus.EXCLUDED),
}
"""Status of a filter → statuses of the images that it selects."""


def is_broken_down(images: ImageFilter) -> bool:
    """Return whether a filter is by class, split and status only."""
    return images.where(without=BROKEN_DOWN)[0] == ALL_IMAGES.where(without=BROKEN_DOWN)[0]


def break_down(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> Breakdown:
    """Count the images that a filter selects, whatever their class, split and status."""
    where, parameters = images.where(without=BROKEN_DOWN)
    # Without other filters the index is in this order; with them it need not be read in order
    columns = "label, split" if is_broken_down(images) else "+label, +split"
    rows = catalog.select(
        "SELECT label, split, problem IS NOT NULL, excluded, COUNT(*) "
        f"FROM {counted(images)} WHERE {where} "
        f"GROUP BY {columns}, problem, excluded ORDER BY {columns}",
        parameters,
    )
    counts: Counter[tuple[str | None, str | None, ImageStatus]] = Counter()
    for label, split, is_problem, is_excluded, count in rows:
        status = ImageStatus.EXCLUDED if is_excluded else ImageStatus.USABLE
        counts[label, split, ImageStatus.PROBLEM if is_problem else status] += count
    return Breakdown([(*group, count) for group, count in counts.items()])


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
    return _in_order(kind, dict(catalog.select(query, parameters)))


def _in_order(kind: AnyOf, counts: dict[str, int]) -> dict[str, int]:
    return {value: counts[value] for value in kind.choices or counts if value in counts}


def tag_counts(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> dict[str, int]:
    """Return how many of the images have each tag, most frequent first."""
    return _related_counts(catalog, "tags", "tag", images)


def _related_counts(
    catalog: Catalog, table: str, column: str, images: ImageFilter
) -> dict[str, int]:
    where, parameters = images.where()
    # The images are filtered in a table of their own, since both tables may have such a column
    query = (
        f"SELECT {table}.{column}, COUNT(DISTINCT image_id) AS num_images FROM {table} "
        f"JOIN (SELECT id FROM {counted(images, by_id=True)} WHERE {where}) AS selected "
        "ON selected.id = image_id "
        f"GROUP BY {table}.{column} ORDER BY num_images DESC, {table}.{column}"
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
    # By the columns first: an index has them in order, and they have few different values. As in
    # `break_down`, other filters are better not read in that order
    columns = ", ".join(kind.columns)
    order = columns if is_broken_down(images) else ", ".join(f"+{each}" for each in kind.columns)
    rows = catalog.select(
        f"SELECT {kind.expression} AS value, SUM(num_images) FROM (SELECT {columns}, "
        f"COUNT(*) AS num_images FROM {counted(images)} WHERE {where} GROUP BY {order}) "
        "GROUP BY value",
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
