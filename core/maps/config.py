"""What a user chooses before a map is laid out, frozen once chosen."""

from dataclasses import dataclass
from enum import StrEnum

MIN_IMAGES = 5
"""Below this no method has a meaning."""

MIN_EPOCHS = 2
"""Below this nothing moves."""


class MapMethod(StrEnum):
    """How many dimensions become two or three."""

    UMAP = "umap"
    TSNE = "tsne"
    PCA = "pca"


class MapMetric(StrEnum):
    """How far apart two embeddings are."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"


@dataclass(frozen=True, kw_only=True, slots=True)
class MapConfig:
    """How to lay the map out.

    Raises:
        ValueError: A number is out of range.
    """

    index: str
    """Id of the index whose embeddings are shown."""

    method: MapMethod = MapMethod.UMAP
    """umap (McInnes, Healy & Melville 2018) shows what is near what and roughly how groups lie;
    tsne (van der Maaten & Hinton 2008) separates groups more and says less about where they lie;
    pca is a plain projection: quick, honest about distances, crowded."""

    dimensions: int = 2
    """2 can be drawn around with a lasso; 3 is for turning and clicking."""

    neighbors: int = 15
    """umap: images whose distances the map tries to keep for each image; umap-learn's default."""

    min_dist: float = 0.1
    """umap: how close points may lie, in map units; umap-learn's default."""

    metric: MapMetric = MapMetric.COSINE
    """umap and tsne: what near means. Embeddings have unit length, so both find the same
    neighbors, and euclidean weighs the nearest of them more evenly."""

    supervision: float = 0.0
    """umap: how much the categories draw the map, in [0, 1]; at 0 it shows what the model found by
    itself, above it shows some of what it was told. umap-learn takes 0.5 where it is told."""

    perplexity: float = 30.0
    """tsne: about how many neighbors each image is held to; openTSNE's default."""

    seed: int = 0
    """Makes the map repeatable; umap is then laid out on one core."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "method", MapMethod(self.method))
        object.__setattr__(self, "metric", MapMetric(self.metric))
        if self.dimensions not in (2, 3):
            raise ValueError(f"dimensions must be 2 or 3, got {self.dimensions}")
        if not 2 <= self.neighbors <= 200:
            raise ValueError(f"neighbors must be in 2..200, got {self.neighbors}")
        if not 0 <= self.min_dist < 1:
            raise ValueError(f"min_dist must be in [0, 1), got {self.min_dist}")
        if not 0 <= self.supervision <= 1:
            raise ValueError(f"supervision must be in [0, 1], got {self.supervision}")
        if not 2 <= self.perplexity <= 200:
            raise ValueError(f"perplexity must be in 2..200, got {self.perplexity}")
