"""What a user chooses before the finders look, and which finders there are."""

from dataclasses import dataclass
from enum import StrEnum

MIN_IMAGES = 5
"""Below this an image has hardly neighbors that could say anything of it."""


THRESHOLD = 0.98
"""Cosine similarity from which on two images are listed as alike, unless chosen otherwise."""

MIN_THRESHOLD = 0.5


class Check(StrEnum):
    """What is looked for."""

    LABELS = "labels"
    """Images whose label the images like them contradict."""

    OUTLIERS = "outliers"
    """Images that are like no other."""

    ALIKE = "alike"
    """Other files whose embeddings are nearly the same."""

    LEAKS = "leaks"
    """Images that are in several splits, as copies or nearly so."""

    TYPICAL = "typical"
    """The most and the least typical images of a class."""

    CLUSTERS = "clusters"
    """Groups of images that are near each other, and the classes that they mix."""

    @property
    def checked_tag(self) -> str:
        """The tag of an image that somebody looked at for this finder, and kept or put right.

        Images with it are not listed by that finder again.
        """
        return f"{self} checked"


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisConfig:
    """How the finders look.

    Raises:
        ValueError: A number is out of range.
    """

    index: str
    """Id of the index whose embeddings are looked at."""

    neighbors: int = 20
    """Images that are compared with each image; as many vote on its label."""

    min_cluster_size: int = 10
    """Fewest images that make a cluster; fewer make more and smaller ones."""

    def __post_init__(self) -> None:
        if not 2 <= self.neighbors <= 100:
            raise ValueError(f"neighbors must be in 2..100, got {self.neighbors}")
        if not 2 <= self.min_cluster_size <= 10_000:
            raise ValueError(f"min_cluster_size must be in 2..10000, got {self.min_cluster_size}")
