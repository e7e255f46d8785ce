"""What a user chooses before a map is laid out, frozen once chosen."""

from dataclasses import dataclass

FEWEST_IMAGES = 5
"""Below this UMAP's spectral start has no meaning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MapConfig:
    """How to lay the map out (McInnes, Healy & Melville 2018).

    Raises:
        ValueError: A number is out of range.
    """

    index: str
    """Id of the index whose embeddings are shown."""

    neighbours: int = 15
    """Images whose distances the map tries to keep for each image; umap-learn's default."""

    min_dist: float = 0.1
    """How close points may lie, in map units; umap-learn's default."""

    seed: int = 0
    """Makes the map repeatable; umap-learn then lays it out on one core."""

    def __post_init__(self) -> None:
        if not 2 <= self.neighbours <= 200:
            raise ValueError(f"neighbours must be in 2..200, got {self.neighbours}")
        if not 0 <= self.min_dist < 1:
            raise ValueError(f"min_dist must be in [0, 1), got {self.min_dist}")
