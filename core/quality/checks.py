"""Data quality checks: images and groups from an analysis and the current catalog.

Shapes, in this file: N images, D embedding dimensions.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.columns import ImageFilter, ImageStatus
from core.datasets.duplicates import Group, Kind
from core.quality.analysis import Analysis
from core.quality.config import Check
from core.quality.label_issues import find_label_issues
from core.quality.labels import ImageLabels
from core.quality.near_duplicates import default_threshold, group_near_duplicates
from core.quality.ranking import Ranking, ranked, representativeness


def rank(
    check: Check,
    analysis: Analysis,
    vectors: NDArray[np.float32],
    image_labels: ImageLabels,
    *,
    most_first: bool = False,
) -> Ranking:
    """Rank all usable images by a check, whether they were reviewed or not.

    Args:
        check: Label issues, outliers or representativeness; the other checks find groups.
        analysis: Of N images.
        vectors: (N, D) float32 unit rows; may be memory-mapped.
        image_labels: Of the same images.
        most_first: Rank by descending representativeness; other checks ignore it.

    Raises:
        ValueError: The check finds groups.
    """
    labels = image_labels.labels
    match check:
        case Check.LABEL_ISSUES:
            return find_label_issues(vectors, analysis.neighbors, labels, len(image_labels.classes))
        case Check.OUTLIERS:
            rows = np.flatnonzero(image_labels.usable)
            return ranked(rows, analysis.outlierness[rows])
        case Check.REPRESENTATIVENESS:
            return representativeness(vectors, labels, most_first=most_first)
    raise ValueError(f"{check} finds groups and does not rank images")


def find_groups(
    check: Check,
    analysis: Analysis,
    image_labels: ImageLabels,
    catalog: Catalog,
    threshold: float | None = None,
) -> list[Group]:
    """Return the groups of near-duplicates or of leakage, the most harmful first.

    Near-duplicates are those that only the embeddings show: the others are listed as duplicates of
    the dataset. Leakage is of every kind. Groups whose images were all reviewed are left out.
    Without a threshold it is `default_threshold`.

    Raises:
        ValueError: The threshold is out of range.
    """
    if threshold is None:
        threshold = default_threshold(analysis.neighbors)
    groups = group_near_duplicates(
        analysis.neighbors, analysis.image_ids, image_labels.usable, catalog, threshold
    )
    reviewed = reviewed_ids(catalog, check)
    return [
        group
        for group in groups
        if (group.is_leaking if check == Check.LEAKAGE else group.kind == Kind.MODEL)
        and not reviewed.issuperset(member.id for member in group.members)
    ]


def unreviewed(
    ranking: Ranking,
    image_ids: NDArray[np.int64],
    selected: NDArray[np.bool_],
    reviewed: Iterable[int],
) -> Ranking:
    """Return the ranking of the (N,) `selected` images without the `reviewed` ids."""
    return ranking.among(selected & ~np.isin(image_ids, np.fromiter(reviewed, np.int64)))


def reviewed_ids(catalog: Catalog, check: Check) -> set[int]:
    """Return the ids of the images that were reviewed in a check."""
    tagged = ImageFilter(tags=(check.checked_tag,), status=ImageStatus.READABLE)
    return set(catalog.ids(tagged))
