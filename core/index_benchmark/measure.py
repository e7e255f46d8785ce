"""Candidate indexes, built in memory one at a time; their recall, latency and throughput.

Shapes, in this file: N images, D embedding dimensions, Q queries, K neighbors.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from core.index_benchmark.points import Measured, Point
from core.index_benchmark.queries import BenchmarkQueries, exclude_self
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.factory import factory_string, faiss_any
from core.indexes.faiss_store import FaissStore
from core.indexes.kinds import SEARCH_PARAMETERS
from core.indexes.store import VectorStore
from core.metrics.measures import RANKS
from core.progress import Progress, Work

DEPTHS = (1, 10, 100)
"""Ranks at which recall vs. exact search is measured."""

WARM_UP = 20
"""Queries before latency is measured, as the first ones find cold caches."""

BATCH = 100
"""Queries per call for throughput."""

PERCENTILES = (50, 95, 99)


def measure(
    store: VectorStore, benchmark: BenchmarkQueries, effort: int | None = None
) -> Work[Measured]:
    """Measure an index with queries over the same images.

    `effort` is nprobe or efSearch; None for the default of the index.
    """
    results: dict[int, list[NDArray[np.int64]]] = {}
    seconds = 0.0
    for depth in (RANKS, DEPTHS[-1]):  # Apart: a search for 100 improves the first 10
        started = time.perf_counter()
        results[depth] = _search(store, benchmark, depth, effort)
        seconds = seconds or time.perf_counter() - started
        yield Progress(0, 0, "measuring recall")
    latencies = yield from _latencies(store, benchmark, effort)
    return Measured(
        num_queries=len(benchmark.queries),
        recall={
            depth: _recall(results[RANKS if depth <= RANKS else depth], benchmark.exact, depth)
            for depth in DEPTHS
        },
        latency_ms={at: float(np.percentile(latencies, at)) * 1e3 for at in PERCENTILES},
        queries_per_s=len(benchmark.queries) / seconds,
        precision=_precision(results[RANKS], benchmark),
        exact_precision=_precision(list(benchmark.exact[:, :RANKS]), benchmark),
    )


def index_recall(
    store: VectorStore, benchmark: BenchmarkQueries, effort: int | None = None
) -> float:
    """Return recall@10 vs. exact search, in a tenth of the time of `measure`."""
    return _recall(_search(store, benchmark, RANKS, effort), benchmark.exact, RANKS)


def _search(
    store: VectorStore, benchmark: BenchmarkQueries, k: int, effort: int | None
) -> list[NDArray[np.int64]]:
    results: list[NDArray[np.int64]] = []
    for start in range(0, len(benchmark.queries), BATCH):
        part = slice(start, start + BATCH)
        matches = store.search(benchmark.queries[part], k + 1, effort=effort)
        results += [
            exclude_self(query, match.image_ids, k)
            for query, match in zip(benchmark.query_ids[part], matches, strict=True)
        ]
    return results


def _latencies(
    store: VectorStore, benchmark: BenchmarkQueries, effort: int | None
) -> Work[list[float]]:
    threads = faiss.omp_get_max_threads()
    latencies = []
    try:
        faiss.omp_set_num_threads(1)  # For this thread only
        for query in benchmark.queries[:WARM_UP, None]:
            store.search(query, RANKS, effort=effort)
        for number in range(len(benchmark.queries)):
            query = benchmark.queries[number : number + 1]
            started = time.perf_counter()
            store.search(query, RANKS, effort=effort)
            latencies.append(time.perf_counter() - started)
            if number % BATCH == 0:
                yield Progress(number, len(benchmark.queries), "measuring latency")
    finally:
        faiss.omp_set_num_threads(threads)
    return latencies


def _recall(results: list[NDArray[np.int64]], exact: NDArray[np.int64], depth: int) -> float:
    depth = min(depth, exact.shape[1])
    hits = sum(
        len(np.intersect1d(a[:depth], b[:depth])) for a, b in zip(results, exact, strict=True)
    )
    return hits / (depth * len(exact))


def _precision(results: list[NDArray[np.int64]], benchmark: BenchmarkQueries) -> float | None:
    labels = benchmark.classes_of(benchmark.query_ids)
    shares = [
        float((benchmark.classes_of(images[:RANKS]) == label).sum()) / RANKS
        for label, images in zip(labels, results, strict=True)
        if label >= 0
    ]
    return float(np.mean(shares)) if shares else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index in memory."""

    config: IndexConfig
    factory: str
    store: FaissStore
    build_s: float
    size_bytes: int


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
    """Measure a candidate at one effort, which is the default effort of the point's config."""
    measured = yield from measure(candidate.store, benchmark, effort)
    config, default = candidate.config, candidate.store.effort
    if effort is not None and default is not None:
        config = config.with_parameters({default.parameter: effort})
    return Point(
        config=config,
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


def size_of(store: FaissStore) -> int:
    """Return the bytes that the index takes on disk, without writing it."""
    num_bytes = 0

    def count(block: bytes) -> None:
        nonlocal num_bytes
        num_bytes += len(block)

    faiss.write_index(store.index, faiss_any.PyCallbackIOWriter(count))
    return num_bytes + store.image_ids.nbytes
