"""Kinds of vector index: each is one entry of `KINDS`, which everything else reads.

A new kind is a new entry. Validation, FAISS, Milvus, the sweep, the command line and the Indexes
page take its name, parameters and strings from there. Its parameters are fields of `IndexConfig`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

MAX_CANDIDATES = 4096
"""Values of efSearch above this make no difference."""


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A parameter that trades latency for recall at search time."""

    name: str
    """As FAISS calls it."""

    steps: Callable[[int], Sequence[int]]
    """Given the largest useful value, returns the values that a sweep measures, ascending."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MilvusIndex:
    """The index of a Milvus server that corresponds to a kind.

    The values of `build` and `search` are numbers or names of `IndexConfig` fields.
    """

    type: str
    build: Mapping[str, int | str] = field(default_factory=dict)
    search: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexKind:
    """How an index is organized."""

    label: str
    """Name on the pages."""

    explanation: str
    """What it does and what for, in one sentence."""

    color: str
    """Color in charts."""

    factory: str
    """FAISS factory string; braces enclose fields of `IndexConfig`."""

    parameters: tuple[str, ...] = ()
    """The fields of `IndexConfig` that only some kinds have."""

    milvus: MilvusIndex | None = None
    """None if Milvus has no such kind."""

    variants: Callable[[int], Sequence[Mapping[str, int]]] = lambda _: ({},)
    """Given the embedding dimension, returns the parameters of each index that a sweep builds."""

    is_swept: bool = True
    """Whether a sweep includes the kind by default."""

    @property
    def effort(self) -> str | None:
        """Return the parameter that a search can change; None if it compares with every image."""
        return next((name for name in self.parameters if name in SEARCH_PARAMETERS), None)

    @property
    def is_custom(self) -> bool:
        """Return whether the user writes the FAISS factory string."""
        return "factory" in self.parameters


def default_code_bytes(dimension: int) -> int:
    """Return the largest divisor of the dimension that is at most a quarter of it."""
    largest = max(1, dimension // 4)
    return next(number for number in range(largest, 0, -1) if dimension % number == 0)


def _doubling(most: int) -> list[int]:
    steps = [1]
    while 2 * steps[-1] < most:
        steps.append(2 * steps[-1])
    return sorted({*steps, most})


def _two_code_lengths(dimension: int) -> list[dict[str, int]]:
    short = default_code_bytes(dimension)
    lengths = (short, 2 * short) if dimension % (2 * short) == 0 else (short,)
    return [{"code_bytes": length} for length in lengths]


SEARCH_PARAMETERS = {
    "nprobe": SearchParameter("nprobe", _doubling),
    "ef_search": SearchParameter("efSearch", lambda _: (16, 32, 64, 128, 256, 512)),
}
"""Field of `IndexConfig` → search parameter."""

PARAMETER_LABELS = {
    "m": "M (links per node)",
    "ef_construction": "efConstruction",
    "ef_search": "efSearch",
    "nlist": "nlist",
    "nprobe": "nprobe",
    "code_bytes": "Bytes per image",
    "factory": "Factory string",
}
"""Field of `IndexConfig` → label on the pages."""

KINDS: dict[str, IndexKind] = {
    "flat": IndexKind(
        label="Flat",
        explanation="Exact search over all images, for up to about 100,000 images.",
        color="#64748b",
        factory="Flat",
        milvus=MilvusIndex(type="FLAT"),
    ),
    "hnsw": IndexKind(
        label="HNSW",
        explanation="Graph of neighbors: the fastest search, and the most memory.",
        color="#5b6ad0",
        factory="HNSW{m},Flat",
        parameters=("m", "ef_construction", "ef_search"),
        milvus=MilvusIndex(
            type="HNSW",
            build={"M": "m", "efConstruction": "ef_construction"},
            search={"ef": "ef_search"},
        ),
        variants=lambda _: ({"m": 16}, {"m": 32}),
    ),
    "ivf": IndexKind(
        label="IVF-Flat",
        explanation="Searches the nearest clusters only: fast, and may miss matches.",
        color="#14b8a6",
        factory="IVF{nlist},Flat",
        parameters=("nlist", "nprobe"),
        milvus=MilvusIndex(type="IVF_FLAT", build={"nlist": "nlist"}, search={"nprobe": "nprobe"}),
    ),
    "ivf_pq": IndexKind(
        label="IVF-PQ",
        explanation="IVF with compressed embeddings: millions of images in little memory.",
        color="#f59e0b",
        factory="IVF{nlist},PQ{code_bytes}",
        parameters=("nlist", "nprobe", "code_bytes"),
        milvus=MilvusIndex(
            type="IVF_PQ",
            build={"nlist": "nlist", "m": "code_bytes", "nbits": 8},
            search={"nprobe": "nprobe"},
        ),
        variants=_two_code_lengths,
    ),
    "sq8": IndexKind(
        label="SQ8",
        explanation="Nearly exact search with one byte per dimension: a quarter of the memory.",
        color="#a855f7",
        factory="SQ8",
        # A single group that is always searched, so the server compares with every image too
        milvus=MilvusIndex(type="IVF_SQ8", build={"nlist": 1}, search={"nprobe": 1}),
    ),
    "opq_ivf_pq": IndexKind(
        label="OPQ+IVF-PQ",
        explanation="IVF-PQ after a learned rotation: higher recall, minutes to build.",
        color="#ef4444",
        factory="OPQ{code_bytes},IVF{nlist},PQ{code_bytes}",
        parameters=("nlist", "nprobe", "code_bytes"),
        variants=_two_code_lengths,
        is_swept=False,  # Learning the rotation takes minutes
    ),
    "factory": IndexKind(
        label="Factory string",
        explanation="Any index that a FAISS factory string describes.",
        color="#0ea5e9",
        factory="{factory}",
        parameters=("factory",),
        is_swept=False,  # `SweepConfig.factories` has its own
    ),
}
"""Name in a config and on the command line → kind."""
