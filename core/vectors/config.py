"""What a user chooses before an index is built, frozen once chosen."""

from dataclasses import dataclass
from enum import StrEnum


class IndexKind(StrEnum):
    """How an index is organised."""

    FLAT = "flat"
    IVF = "ivf"
    HNSW = "hnsw"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexConfig:
    """Which index to build. 0 leaves a number to the size of the set.

    Raises:
        ValueError: A number is out of range.
    """

    kind: IndexKind = IndexKind.FLAT
    """flat compares with every image (exact); ivf looks into the nearest of `lists` groups; hnsw
    walks a graph of neighbours."""

    lists: int = 0
    """IVF: number of groups; 0 for 4·√N, FAISS's own advice for up to a million vectors."""

    nprobe: int = 0
    """IVF: groups looked into for a query; 0 for an eighth of them."""

    links: int = 32
    """HNSW: neighbours kept for each image (M)."""

    ef_construction: int = 200
    """HNSW: candidates weighed when an image is added."""

    ef_search: int = 64
    """HNSW: candidates weighed for a query; never fewer than the results wanted."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", IndexKind(self.kind))
        for name, low, high in (
            ("lists", 0, 1 << 20),
            ("nprobe", 0, 1 << 20),
            ("links", 2, 256),
            ("ef_construction", 1, 4096),
            ("ef_search", 1, 4096),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low}..{high}, got {getattr(self, name)}")
