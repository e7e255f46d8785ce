"""Indexes that are built to be measured: in memory, one after the other, never saved.

Shapes, in this file: N images, D embedding dimensions.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import faiss
import numpy as np
from numpy.typing import NDArray

from core.index_benchmark.measure import measure
from core.index_benchmark.points import Point
from core.index_benchmark.queries import BenchmarkQueries
from core.indexes.build import build
from core.indexes.config import IndexConfig, IndexKind
from core.indexes.factory import code_bytes, factory_string, faiss_any
from core.indexes.faiss_store import FaissStore
from core.progress import Work

LINKS = (16, 32)
EF_SEARCH = (16, 32, 64, 128, 256, 512)


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index that was just built."""

    config: IndexConfig
    factory: str
    store: FaissStore
    build_s: float
    size_bytes: int


def variants(base: IndexConfig, dimension: int) -> list[IndexConfig]:
    """Return what is worth building of a kind: graphs of two densities, codes of two lengths."""
    if base.kind == IndexKind.HNSW:
        return [replace(base, m=links) for links in LINKS]
    if base.kind in (IndexKind.IVF_PQ, IndexKind.OPQ_IVF_PQ):
        short = code_bytes(base, dimension)
        lengths = (short, 2 * short) if dimension % (2 * short) == 0 else (short,)
        return [replace(base, code_bytes=length) for length in lengths]
    return [base]


def build_candidate(
    vectors: NDArray[np.float32], image_ids: NDArray[np.int64], config: IndexConfig
) -> Work[Candidate]:
    """Build an index over (N, D) unit rows, and say what that took.

    Raises:
        WorkbenchError: FAISS cannot make this index, or there are too few images for it.
    """
    started = time.perf_counter()
    store = yield from build(vectors, image_ids, config)
    taken = time.perf_counter() - started
    text = factory_string(config, *vectors.shape)
    return Candidate(config, text, store, taken, size_of(store))


def point_of(candidate: Candidate, benchmark: BenchmarkQueries, effort: int | None) -> Work[Point]:
    """Measure a trial at one effort."""
    measured = yield from measure(candidate.store, benchmark, effort)
    return Point(
        config=with_effort(candidate.config, candidate.store, effort),
        factory=candidate.factory,
        effort=effort,
        measured=measured,
        build_s=candidate.build_s,
        size_bytes=candidate.size_bytes,
    )


def efforts(store: FaissStore) -> Iterator[int | None]:
    """Yield the efforts that are worth trying, the least first; None for an exact index."""
    effort = store.effort
    if effort is None:
        yield None
    elif effort.name == "efSearch":
        yield from EF_SEARCH
    else:
        probes = 1
        while probes < effort.most:
            yield probes
            probes *= 2
        yield effort.most


def with_effort(config: IndexConfig, store: FaissStore, effort: int | None) -> IndexConfig:
    """Return the same index, built for this effort."""
    if effort is None or store.effort is None:
        return config
    if store.effort.name == "efSearch":
        return replace(config, ef_search=effort)
    return replace(config, nprobe=effort)


def size_of(store: FaissStore) -> int:
    """Return the bytes of the index as FAISS writes it, without writing it anywhere."""
    taken = 0

    def count(block: bytes) -> None:
        nonlocal taken
        taken += len(block)

    faiss.write_index(store.index, faiss_any.PyCallbackIOWriter(count))
    return taken + store.image_ids.nbytes
