"""What each finder lists: from the findings, and from what the catalog says at this moment.

Shapes, in this file: N images, D embedding dimensions.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.duplicates import Group, Kind
from core.datasets.filters import ImageFilter, Standing
from core.quality.analysis import Findings
from core.quality.config import THRESHOLD, Finder
from core.quality.label_issues import wrong_labels
from core.quality.labels import Labelling
from core.quality.near_duplicates import groups_alike
from core.quality.ranking import Ranking, ranked
from core.quality.representativeness import typicality


def rank(
    finder: Finder,
    findings: Findings,
    vectors: NDArray[np.float32],
    labelling: Labelling,
    *,
    most_first: bool = False,
) -> Ranking:
    """Return all images in use that a finder ranks, in its order.

    Args:
        finder: Labels, outliers or typical: the others find groups.
        findings: What was found.
        vectors: (N, D) float32 unit rows; may be mapped.
        labelling: What the catalog says of the same images.
        most_first: The most typical images first; by the others not looked at.

    Raises:
        ValueError: The finder finds groups.
    """
    labels = labelling.labels
    match finder:
        case Finder.LABELS:
            return wrong_labels(vectors, findings.neighbours, labels, len(labelling.classes))
        case Finder.OUTLIERS:
            rows = np.flatnonzero(labelling.usable)
            return ranked(rows, findings.outlierness[rows])
        case Finder.TYPICAL:
            return typicality(vectors, labels, most_first=most_first)
    raise ValueError(f"{finder} finds groups, it ranks no images")


def find_groups(
    finder: Finder,
    findings: Findings,
    labelling: Labelling,
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
    groups = groups_alike(
        findings.neighbours, findings.image_ids, labelling.usable, catalog, threshold
    )
    done = checked(catalog, finder)
    return [
        group
        for group in groups
        if (group.leaks if finder == Finder.LEAKS else group.kind == Kind.MODEL)
        and not done.issuperset(twin.id for twin in group.twins)
    ]


def to_look_at(
    ranking: Ranking, image_ids: NDArray[np.int64], among: NDArray[np.bool_], done: Iterable[int]
) -> Ranking:
    """Return the ranking of the (N,) images `among`, without the ids that are done with."""
    return ranking.kept(among & ~np.isin(image_ids, list(done)))


def checked(catalog: Catalog, finder: Finder) -> set[int]:
    """Return the ids of the images that somebody looked at for a finder."""
    tagged = ImageFilter(tags=(finder.checked_tag,), standing=Standing.READABLE)
    return set(catalog.ids(tagged))
