"""Settings of an analysis, and the checks that read its results."""

from dataclasses import dataclass
from enum import StrEnum

from core.options import bounded, check_fields

MIN_IMAGES = 5
"""Fewest different images; with fewer an image has too few neighbors to compare it with."""

MIN_THRESHOLD = 0.5
"""Lowest cosine similarity of near-duplicates; the default depends on the images, see
`near_duplicates.default_threshold`."""


class Check(StrEnum):
    """A data quality check."""

    LABEL_ISSUES = "label_issues"
    """Images whose label contradicts similar images."""

    OUTLIERS = "outliers"
    """Images that are unlike all others."""

    NEAR_DUPLICATES = "near_duplicates"
    """Different files whose embeddings are nearly the same."""

    LEAKAGE = "leakage"
    """Images that occur in several splits, as copies or near-duplicates."""

    REPRESENTATIVENESS = "representativeness"
    """The most and the least typical images of each class."""

    CLUSTERS = "clusters"
    """Groups of similar images, and the classes in them."""

    @property
    def checked_tag(self) -> str:
        """The tag of images that were reviewed in this check, which then lists them no more."""
        return f"{CHECKED_NAMES.get(self, self)} checked"


CHECKED_NAMES = {
    Check.LABEL_ISSUES: "label issues",
    Check.NEAR_DUPLICATES: "near-duplicates",
    Check.LEAKAGE: "split leakage",
}
"""Names of checks in tags, where they differ from the value."""

GROUPING = (Check.NEAR_DUPLICATES, Check.LEAKAGE)
"""Checks that list groups of images above a threshold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisConfig:
    """Settings of an analysis.

    Raises:
        ValueError: A number is out of range.
    """

    index: str
    """Id of the index whose embeddings are analyzed."""

    neighbors: int = bounded(20, 2, 100)
    """Nearest neighbors of each image; they vote on its label."""

    min_cluster_size: int = bounded(10, 2, 10_000)
    """Min. number of images in a cluster; lower gives more and smaller clusters."""

    def __post_init__(self) -> None:
        check_fields(self)
