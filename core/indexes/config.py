"""`IndexConfig`: which index to build, and the numbers that follow from the size of the set."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from core.errors import WorkbenchError
from core.indexes.kinds import KINDS, MAX_CANDIDATES, IndexKind, default_code_bytes
from core.options import bounded, check_fields, one_of

FACTORY_PATTERN = re.compile(r"[A-Za-z0-9_,()]{1,100}")
MAX_IN_FACTORY = 1 << 20
"""The largest number in a factory string: FAISS allocates memory for it before it checks it."""

TRANSFORMS = re.compile(r"(?:(?:PCAW?R?\d+|ITQ\d*|RR\d*|OPQ\d+(?:_\d+)?|Pad\d+|L2[nN]orm),)+")
"""What a factory string may begin with: transforms of the vectors, as FAISS parses them."""

UNIT = re.compile(r"L2[nN]orm|RR|OPQ\d+|Pad\d+")
"""Transforms of a unit vector to a unit vector; the others center it or leave out dimensions."""

MAX_LISTS = 1 << 20
MAX_NPROBE = 64
"""The largest nprobe that is chosen by default."""

TRAIN_VECTORS_PER_LIST = 39
"""FAISS warns below this many training vectors a list."""


class StoreName(StrEnum):
    """Where an index is stored, and which library searches it."""

    FAISS = "faiss"
    MILVUS = "milvus"


class Metric(StrEnum):
    """Distance metric of an index."""

    COSINE = "cosine"
    INNER_PRODUCT = "inner_product"
    L2 = "l2"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexConfig:
    """Which index to build. Where 0 is allowed, it means a value by the size of the set.

    Raises:
        ValueError: A number is out of range, a factory string is missing or out of place, or
            Milvus has no such kind.
    """

    kind: str = one_of("flat", KINDS)
    """flat searches all images (exact); hnsw a graph of neighbors; ivf the nearest of `nlist`
    lists; sq8 stores a byte per dimension; ivf_pq and opq_ivf_pq store `code_bytes`
    per image, opq_ivf_pq after a rotation; factory builds the index that `factory` describes."""

    metric: Metric = Metric.COSINE
    """Distance metric; all three give the same ranking of uncompressed embeddings."""

    nlist: int = bounded(0, 0, MAX_LISTS)
    """IVF: number of inverted lists; 0 for 4·√N, as FAISS recommends up to a million vectors."""

    nprobe: int = bounded(0, 0, MAX_LISTS)
    """IVF: lists searched per query; 0 for an eighth of them, at most 64."""

    m: int = bounded(32, 2, 256)
    """HNSW: links per node (M)."""

    ef_construction: int = bounded(200, 1, MAX_CANDIDATES)
    """HNSW: candidates per added image."""

    ef_search: int = bounded(64, 1, MAX_CANDIDATES)
    """HNSW: candidates per query; at least the number of results."""

    code_bytes: int = bounded(0, 0, 1024)
    """PQ: bytes per image, a divisor of the dimension; 0 for a quarter of it."""

    factory: str = ""
    """factory: FAISS factory string, such as IVF256,SQ8."""

    store: StoreName = StoreName.FAISS
    """faiss writes a file in the workspace; milvus uses the server that WORKBENCH_MILVUS_URI names,
    for more images or users than one machine serves; it has no opq_ivf_pq and no factory."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.entry.is_custom:
            _check_factory(self.factory)
        elif self.factory:
            raise ValueError(f"a factory string needs the kind factory, got {self.kind}")
        if self.kind not in kinds_in(self.store):
            kinds = ", ".join(kinds_in(self.store))
            raise ValueError(f"{self.store} has no {self.kind}; choose {kinds}")

    @property
    def entry(self) -> IndexKind:
        """Return the entry of its kind."""
        return KINDS[self.kind]

    def with_parameters(self, parameters: Mapping[str, Any]) -> "IndexConfig":
        """Return the same index with other values for some fields."""
        return replace(self, **parameters)

    def resolved(self, count: int, dimension: int) -> "IndexConfig":
        """Return the same index with a value for each parameter of its kind that is 0.

        They follow from N images of D dimensions.

        Raises:
            WorkbenchError: `code_bytes` does not divide the dimension.
        """
        numbers: dict[str, int] = {}
        if "nlist" in self.entry.parameters:
            nlist = numbers["nlist"] = self.nlist or default_nlist(count)
            numbers["nprobe"] = min(nlist, self.nprobe or default_nprobe(nlist))
        if "code_bytes" in self.entry.parameters:
            numbers["code_bytes"] = self.code_bytes or default_code_bytes(dimension)
            _check_code(numbers["code_bytes"], dimension)
        return self.with_parameters(numbers)


def kinds_in(store: StoreName) -> list[str]:
    """Return the names of the kinds that a store has."""
    return [name for name, kind in KINDS.items() if store == StoreName.FAISS or kind.milvus]


def default_nlist(count: int) -> int:
    """Return 4·√N lists, or as many as N vectors can train if that is fewer."""
    return max(1, min(round(4 * math.sqrt(count)), count // TRAIN_VECTORS_PER_LIST))


def default_nprobe(nlist: int) -> int:
    """Return an eighth of the lists, at most 64."""
    return min(MAX_NPROBE, math.ceil(nlist / 8))


def normalized(factory: str) -> str:
    """Return a factory string that normalizes vectors after transforms that change their length.

    An index compares vectors by cosine similarity, so PCA32,Flat becomes PCA32,L2norm,Flat.
    """
    match = TRANSFORMS.match(factory)
    names = match.group().rstrip(",").split(",") if match else []
    changing = [place for place, name in enumerate(names) if not UNIT.fullmatch(name)]
    if not changing or any(name.lower() == "l2norm" for name in names[changing[-1] :]):
        return factory
    rest = factory[len(",".join(names)) + 1 :]
    return ",".join([*names, "L2norm", rest])


def _check_code(code_bytes: int, dimension: int) -> None:
    if dimension % code_bytes:
        divisors = [number for number in range(1, dimension + 1) if dimension % number == 0]
        raise WorkbenchError(
            f"Codes of {code_bytes} bytes do not divide {dimension} dimensions.",
            f"Choose one of {', '.join(map(str, divisors))}, or 0 to have it chosen.",
        )


def _check_factory(text: str) -> None:
    """Raise `ValueError` for zeros and huge numbers, which end the process inside FAISS."""
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
