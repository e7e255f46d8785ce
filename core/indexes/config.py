"""What a user chooses before an index is built, frozen once chosen."""

import re
from dataclasses import dataclass
from enum import StrEnum

FACTORY_PATTERN = re.compile(r"[A-Za-z0-9_,()]{1,100}")
MAX_IN_FACTORY = 1 << 20
"""The greatest number in a factory string: FAISS asks for memory by it before it looks at it."""


class IndexKind(StrEnum):
    """How an index is organized."""

    FLAT = "flat"
    HNSW = "hnsw"
    IVF = "ivf"
    IVF_PQ = "ivf_pq"
    SQ8 = "sq8"
    OPQ_IVF_PQ = "opq_ivf_pq"
    FACTORY = "factory"


IVF_KINDS = (IndexKind.IVF, IndexKind.IVF_PQ, IndexKind.OPQ_IVF_PQ)
PQ_KINDS = (IndexKind.IVF_PQ, IndexKind.OPQ_IVF_PQ)


class StoreName(StrEnum):
    """Where an index is kept, and what searches it."""

    FAISS = "faiss"
    MILVUS = "milvus"


MILVUS_KINDS = (
    IndexKind.FLAT,
    IndexKind.HNSW,
    IndexKind.IVF,
    IndexKind.IVF_PQ,
    IndexKind.SQ8,
)
"""The kinds that Milvus has, too."""


class Metric(StrEnum):
    """What FAISS compares embeddings by."""

    COSINE = "cosine"
    INNER_PRODUCT = "inner_product"
    L2 = "l2"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexConfig:
    """Which index to build. 0 leaves a number to the size of the set.

    Raises:
        ValueError: A number is out of range, a factory string is missing or out of place, or
            Milvus has no such kind.
    """

    kind: IndexKind = IndexKind.FLAT
    """flat compares with every image (exact); hnsw walks a graph of neighbors; ivf looks into the
    nearest of `nlist` groups; sq8 keeps a byte a dimension; ivf_pq and opq_ivf_pq keep `code_bytes`
    an image, the latter after a rotation; factory is what `factory` says."""

    metric: Metric = Metric.COSINE
    """What FAISS compares by. Embeddings have unit length, so all three rank alike, and answers are
    always cosine similarities; groups and codes are laid out by it."""

    nlist: int = 0
    """IVF: number of groups; 0 for 4·√N, FAISS's own advice for up to a million vectors."""

    nprobe: int = 0
    """IVF: groups looked into for a query; 0 for an eighth of them, 64 at most."""

    m: int = 32
    """HNSW: neighbors kept for each image (M)."""

    ef_construction: int = 200
    """HNSW: candidates weighed when an image is added."""

    ef_search: int = 64
    """HNSW: candidates weighed for a query; never fewer than the results wanted."""

    code_bytes: int = 0
    """PQ: bytes kept of each image; they must divide the dimension. 0 for a fourth of it."""

    factory: str = ""
    """factory: FAISS's own description of an index, such as IVF256,SQ8."""

    store: StoreName = StoreName.FAISS
    """faiss keeps the index in a file here; milvus on the server that WORKBENCH_MILVUS_URI names,
    for more images or users than one machine serves; it has no opq_ivf_pq and no factory."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", IndexKind(self.kind))
        object.__setattr__(self, "metric", Metric(self.metric))
        object.__setattr__(self, "store", StoreName(self.store))
        for name, low, high in (
            ("nlist", 0, 1 << 20),
            ("nprobe", 0, 1 << 20),
            ("m", 2, 256),
            ("ef_construction", 1, 4096),
            ("ef_search", 1, 4096),
            ("code_bytes", 0, 1024),
        ):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be in {low}..{high}, got {getattr(self, name)}")
        if self.kind == IndexKind.FACTORY:
            _check_factory(self.factory)
        elif self.factory:
            raise ValueError(f"a factory string needs the kind factory, got {self.kind}")
        if self.store == StoreName.MILVUS and self.kind not in MILVUS_KINDS:
            raise ValueError(f"milvus has no {self.kind}; choose {', '.join(MILVUS_KINDS)}")


def _check_factory(text: str) -> None:
    """Refuse what would end the process inside FAISS instead of raising: zeros and huge numbers."""
    if not FACTORY_PATTERN.fullmatch(text):
        raise ValueError(
            "factory must be a FAISS factory string of up to 100 letters, digits and _,() "
            f"such as IVF256,SQ8, got “{text[:100]}”"
        )
    for number in map(int, re.findall(r"\d+", text)):
        if not 1 <= number <= MAX_IN_FACTORY:
            raise ValueError(
                f"numbers in factory must be in 1..{MAX_IN_FACTORY}, got {number} in “{text}”"
            )
