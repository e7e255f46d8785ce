"""What each finder lists: from the findings, and from what the catalog says at this moment.

Shapes, in this file: N images, D embedding dimensions.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.duplicates import Group, Kind
from core.datasets.filters import ImageFilter, ImageStatus
from core.quality.analysis import Analysis
from core.quality.config import THRESHOLD, Check
from core.quality.label_issues import find_label_issues
from core.quality.labels import ImageLabels
from core.quality.near_duplicates import group_near_duplicates
from core.quality.ranking import Ranking, ranked
from core.quality.representativeness import representativeness


def rank(
    check: Check,
    findings: Analysis,
    vectors: NDArray[np.float32],
    image_labels: ImageLabels,
    *,
    most_first: bool = False,
) -> Ranking:
    """Return all images in use that a finder ranks, in its order.

    Args:
        check: Labels, outliers or typical: the others find groups.
        findings: What was found.
        vectors: (N, D) float32 unit rows; may be mapped.
        image_labels: What the catalog says of the same images.
        most_first: The most typical images first; by the others not looked at.

    Raises:
        ValueError: The finder finds groups.
    """
    labels = image_labels.labels
    match check:
        case Check.LABEL_ISSUES:
            return find_label_issues(vectors, findings.neighbors, labels, len(image_labels.classes))
        case Check.OUTLIERS:
            rows = np.flatnonzero(image_labels.usable)
            return ranked(rows, findings.outlierness[rows])
        case Check.REPRESENTATIVENESS:
            return representativeness(vectors, labels, most_first=most_first)
    raise ValueError(f"{check} finds groups, it ranks no images")


def find_groups(
    check: Check,
    findings: Analysis,
    image_labels: ImageLabels,
    catalog: Catalog,
    threshold: float = THRESHOLD,
) -> list[Group]:
    """Return the groups of near-duplicates or of leaks, the most harmful first.

    Near-duplicates are those that only the model finds: the rest is listed as duplicates of the
    dataset anyway. Leaks are of every kind. A group all of whose images were kept as they are is
    left out.

    Raises:
        ValueError: The threshold is out of range.
    """
    groups = group_near_duplicates(
        findings.neighbors, findings.image_ids, image_labels.usable, catalog, threshold
    )
    done = checked(catalog, check)
    return [
        group
        for group in groups
        if (group.is_leaking if check == Check.LEAKAGE else group.kind == Kind.MODEL)
        and not done.issuperset(member.id for member in group.members)
    ]


def to_look_at(
    ranking: Ranking, image_ids: NDArray[np.int64], among: NDArray[np.bool_], done: Iterable[int]
) -> Ranking:
    """Return the ranking of the (N,) images `among`, without the ids that are done with."""
    return ranking.kept(among & ~np.isin(image_ids, list(done)))


def checked(catalog: Catalog, check: Check) -> set[int]:
    """Return the ids of the images that somebody looked at for a finder."""
    tagged = ImageFilter(tags=(check.checked_tag,), status=ImageStatus.READABLE)
    return set(catalog.ids(tagged))
