"""Settings of an embedding map."""

from dataclasses import dataclass
from enum import StrEnum

from core.options import bounded, check_fields

MIN_IMAGES = 5
"""Fewest images that a map is made of."""

MIN_EPOCHS = 2
"""Fewest epochs of a training history."""


class MapMethod(StrEnum):
    """Dimension reduction method."""

    UMAP = "umap"
    TSNE = "tsne"
    PCA = "pca"


class MapMetric(StrEnum):
    """Distance between two embeddings."""

    COSINE = "cosine"
    EUCLIDEAN = "euclidean"


@dataclass(frozen=True, kw_only=True, slots=True)
class MapConfig:
    """Settings of a map.

    Raises:
        ValueError: A value is out of range.
    """

    index: str
    """Id of the index whose embeddings are mapped."""

    method: MapMethod = MapMethod.UMAP
    """umap (McInnes, Healy & Melville 2018) preserves neighborhoods and roughly the arrangement of
    groups; tsne (van der Maaten & Hinton 2008) separates groups more; pca is a fast linear
    projection."""

    dimensions: int = bounded(2, 2, 3)
    """2 for selection by lasso, 3 for a rotatable view."""

    neighbors: int = bounded(15, 2, 200)
    """umap: neighbors of each image whose distances the map preserves; umap-learn's default."""

    min_dist: float = bounded(0.1, 0.0, 0.99)
    """umap: minimum distance of points, in map units; umap-learn's default."""

    metric: MapMetric = MapMetric.COSINE
    """umap and tsne: distance between embeddings; both metrics find the same neighbors of unit
    vectors and weight them differently."""

    supervision: float = bounded(0.0, 0.0, 1.0)
    """umap: weight of the classes in the layout; 0 uses the embeddings alone."""

    perplexity: float = bounded(30.0, 2.0, 200.0)
    """tsne: effective number of neighbors of each image; openTSNE's default."""

    seed: int = bounded(0, 0, 2**32 - 1)
    """Random seed; the same seed gives the same map."""

    def __post_init__(self) -> None:
        check_fields(self)
