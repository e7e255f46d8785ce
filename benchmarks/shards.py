"""Simulation of an index in shards: number of shards against latency, throughput and recall.

    python -m benchmarks.shards --home HOME [--count 200000] [--kind hnsw] [--load 0.6]

Each shard is an index of its own over its part of the vectors, built and searched here, one query
at a time on one thread. What is simulated is that each shard has a core of its own: all of them
search every query, which arrive at random times (Poisson) and wait in the line of each shard; the
answer is complete when the slowest has answered and the results are merged. The arrival rate is
`--load` of what the index in one piece bears, so it is the same for each number of shards. Delays
of a network are drawn from a log-normal distribution and are an assumption: median and spread are
printed with the table.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.large_sets import LargeSet, real_embeddings
from core.embeddings.exact_search import nearest_rows
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.faiss_store import FaissStore
from core.progress import finish

K = 10
NUM_QUERIES = 1000
SHARDS = (1, 2, 4, 8, 16)
NUM_ARRIVALS = 100_000
EFFORTS = {"hnsw": 64, "ivf": 32, "ivf_pq": 32, "flat": None}
NETWORK_MEDIAN_S, NETWORK_SIGMA = 0.3e-3, 0.5
"""Round trip to a shard: an assumption for one data center."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """What was measured of an index in `shards` parts."""

    shards: int
    build_s: float
    """Of one part."""

    service_s: Floats
    """(Q × S) seconds of one part for one query."""

    merge_s: float
    """Mean seconds to merge the results of the parts."""

    recall: float


def measure(
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    exact: NDArray[np.int64],
    config: IndexConfig,
    shards: int,
) -> Measured:
    """Build and search every part, and compare the merged results with the exact ones.

    Args:
        vectors: (N, D) unit rows.
        queries: (Q, D) unit rows.
        exact: (Q, K) rows of the nearest vectors.
        config: Kind and parameters of each part.
        shards: S; part s has the rows s, s + S, …
    """
    found: list[list[Any]] = [[] for _ in queries]
    service, builds = [], []
    for number in range(shards):
        ids = np.arange(number, len(vectors), shards, dtype=np.int64)
        part = np.ascontiguousarray(vectors[ids])
        started = time.perf_counter()
        store = finish(build(part, ids, config))
        builds.append(time.perf_counter() - started)
        service.append(search_times(store, queries, EFFORTS[config.kind], found))
    started = time.perf_counter()
    merged = [merge(parts) for parts in found]
    merging = (time.perf_counter() - started) / len(queries)
    hits = sum(len(np.intersect1d(a, b)) for a, b in zip(merged, exact, strict=True))
    return Measured(
        shards=shards,
        build_s=float(np.mean(builds)),
        service_s=np.concatenate(service),
        merge_s=merging,
        recall=hits / exact.size,
    )


def search_times(
    store: FaissStore,
    queries: NDArray[np.float32],
    effort: int | None,
    found: list[list[Any]],
) -> Floats:
    """Search one query after the other on one thread; add the matches, return the seconds."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    for query in queries[:50, None]:
        store.search(query, K, effort=effort)
    times = np.empty(len(queries))
    for place, query in enumerate(queries[:, None]):
        started = time.perf_counter()
        [matches] = store.search(query, K, effort=effort)
        times[place] = time.perf_counter() - started
        found[place].append(matches)
    faiss.omp_set_num_threads(threads)
    return times


def merge(parts: list[Any]) -> NDArray[np.int64]:
    """Return the rows of the K best matches of all parts."""
    ids = np.concatenate([part.image_ids for part in parts])
    similarities = np.concatenate([part.similarities for part in parts])
    best: NDArray[np.int64] = ids[np.argsort(-similarities, kind="stable")[:K]]
    return best


def simulate(
    service_s: Floats, shards: int, rate: float, merge_s: float, draw: np.random.Generator
) -> Floats:
    """Return the (A,) seconds that queries take from their arrival to the merged answer.

    A query waits at each shard until the queries before it are done there (Lindley 1952).

    Args:
        service_s: Measured seconds of a shard, drawn from with replacement.
        shards: S.
        rate: Queries a second.
        merge_s: Seconds to merge.
        draw: Source of randomness.
    """
    arrivals = np.cumsum(draw.exponential(1 / rate, NUM_ARRIVALS))
    slowest = np.zeros(NUM_ARRIVALS)
    for _ in range(shards):
        own = draw.choice(service_s, NUM_ARRIVALS)
        # done[n] = own[n] + max(arrivals[n], done[n - 1]), in closed form
        total = np.cumsum(own)
        done = total + np.maximum.accumulate(arrivals - (total - own))
        network = NETWORK_MEDIAN_S * draw.lognormal(0, NETWORK_SIGMA, NUM_ARRIVALS)
        slowest = np.maximum(slowest, done - arrivals + network)
    return slowest + merge_s


def main() -> None:
    """Measure, simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--kind", choices=EFFORTS, default="hnsw")
    parser.add_argument("--load", type=float, default=0.6)
    options = parser.parse_args()
    large = LargeSet(real_embeddings(options.home))
    vectors, queries = large.vectors(options.count), large.queries(NUM_QUERIES)
    exact, _ = finish(nearest_rows(vectors, queries, K))
    config, draw = IndexConfig(kind=options.kind), np.random.default_rng(0)
    print(
        f"{options.count:,} vectors in {options.kind}, effort {EFFORTS[options.kind]}; network "
        f"{NETWORK_MEDIAN_S * 1e3:g} ms (median, assumed, sigma {NETWORK_SIGMA})"
    )
    rate = 0.0
    for shards in SHARDS:
        one = measure(vectors, queries, exact, config, shards)
        busy_s = float(one.service_s.mean())
        rate = rate or options.load / busy_s
        taken = simulate(one.service_s, shards, rate, one.merge_s, draw) * 1e3
        p50, p95, p99 = np.percentile(taken, (50, 95, 99))
        print(
            f"{shards:>3} shards: built in {one.build_s:.1f} s each; a shard is busy for "
            f"{busy_s * 1e3:.3f} ms, all of them {busy_s * shards * 1e3:.3f} ms; "
            f"{1 / busy_s:,.0f} queries/s at most, {1 / busy_s / shards:,.0f} a core; at "
            f"{rate:,.0f} queries/s p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms; "
            f"recall@{K} {one.recall:.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
