"""Candidate indexes of a benchmark: built in memory one at a time, and measured.

Shapes, in this file: N images, D embedding dimensions.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from core.index_benchmark.measure import measure
from core.index_benchmark.points import Point
from core.index_benchmark.queries import BenchmarkQueries
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.factory import factory_string, faiss_any
from core.indexes.faiss_store import FaissStore
from core.indexes.kinds import SEARCH_PARAMETERS
from core.progress import Work


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index in memory."""

    config: IndexConfig
    factory: str
    store: FaissStore
    build_s: float
    size_bytes: int


def variants(base: IndexConfig, dimension: int) -> list[IndexConfig]:
    """Return the indexes of a kind that a sweep builds."""
    return [base.with_parameters(parameters) for parameters in base.entry.variants(dimension)]


def build_candidate(
    vectors: NDArray[np.float32], image_ids: NDArray[np.int64], config: IndexConfig
) -> Work[Candidate]:
    """Build an index of (N, D) unit rows, and measure time and size.

    Raises:
        WorkbenchError: FAISS cannot build this index, or there are too few images for it.
    """
    started = time.perf_counter()
    store = yield from build(vectors, image_ids, config)
    build_s = time.perf_counter() - started
    text = factory_string(config, *vectors.shape)
    return Candidate(config, text, store, build_s, size_of(store))


def point_of(candidate: Candidate, benchmark: BenchmarkQueries, effort: int | None) -> Work[Point]:
    """Measure a candidate at one effort."""
    measured = yield from measure(candidate.store, benchmark, effort)
    return Point(
        config=with_effort(candidate.config, candidate.store, effort),
        factory=candidate.factory,
        effort=effort,
        measured=measured,
        build_s=candidate.build_s,
        size_bytes=candidate.size_bytes,
    )


def efforts(store: FaissStore) -> Sequence[int | None]:
    """Return the efforts to measure, ascending; only None if the index has no search parameter."""
    effort = store.effort
    return [None] if effort is None else SEARCH_PARAMETERS[effort.parameter].steps(effort.most)


def with_effort(config: IndexConfig, store: FaissStore, effort: int | None) -> IndexConfig:
    """Return the config of the same index with another default effort."""
    if effort is None or store.effort is None:
        return config
    return config.with_parameters({store.effort.parameter: effort})


def size_of(store: FaissStore) -> int:
    """Return the bytes that the index takes on disk, without writing it."""
    num_bytes = 0

    def count(block: bytes) -> None:
        nonlocal num_bytes
        num_bytes += len(block)

    faiss.write_index(store.index, faiss_any.PyCallbackIOWriter(count))
    return num_bytes + store.image_ids.nbytes
