"""Building and searching a million vectors on a graphics card, beside the processor.

    python -m benchmarks.search_card --home HOME [--count 1000000]

HOME is a workspace with embeddings; the set is drawn around them, as in `search.py`.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.large_sets import LargeSet, real_embeddings
from benchmarks.search import NUM_QUERIES, K, in_turns, recall_of
from core.progress import finish
from core.vectors.building import build
from core.vectors.config import IndexConfig, IndexKind
from core.vectors.exact import nearest_rows
from core.vectors.faiss_store import FaissStore
from core.vectors.gpu import num_gpus, to_gpu

EFFORT = 32
KINDS = (
    IndexConfig(kind=IndexKind.FLAT),
    IndexConfig(kind=IndexKind.IVF),
    IndexConfig(kind=IndexKind.IVF_PQ, code_bytes=64),
)


def found_by(
    store: FaissStore, queries: NDArray[np.float32], effort: int | None
) -> NDArray[np.int64]:
    """Return the (Q, K) rows found; all kinds measured here find K."""
    return np.stack([match.image_ids for match in store.search(queries, K, effort=effort)])


def compare(
    config: IndexConfig,
    vectors: NDArray[np.float32],
    queries: NDArray[np.float32],
    exact: NDArray[np.int64],
) -> None:
    """Print how long one kind takes to build, and to search on either."""
    started = time.perf_counter()
    store = finish(build(vectors, np.arange(len(vectors), dtype=np.int64), config))
    built = time.perf_counter() - started
    effort = None if config.kind == IndexKind.FLAT else EFFORT
    beside = FaissStore(store.index, np.arange(len(vectors), dtype=np.int64))
    if to_gpu(store.index) is None or not store.use_gpu():
        print(f"{config.kind}: not measured, the card does not take it")
        return
    print(f"{config.kind}, built in {built:.1f} s with the card; effort {effort or 'none'}")
    for name, asked in ("processor", beside), ("card", store):
        print(f"  {name}: recall@10 {recall_of(found_by(asked, queries, effort), exact):.4f}")
    for count in 1, 100, NUM_QUERIES:
        some = queries[:count]
        slow, quick = in_turns(
            lambda some=some: beside.search(some, K, effort=effort),  # type: ignore[misc]
            lambda some=some: store.search(some, K, effort=effort),  # type: ignore[misc]
        )
        print(
            f"  {count} at once: processor {slow * 1e3:.2f} ms, card {quick * 1e3:.2f} ms, "
            f"{slow / quick:.1f} times as quick",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--count", type=int, default=1_000_000)
    options = parser.parse_args()
    if not num_gpus():
        print("not measured: there is no graphics card here, or FAISS knows none")
        return
    large = LargeSet(real_embeddings(options.home))
    vectors, queries = large.vectors(options.count), large.queries(NUM_QUERIES)
    exact, _ = finish(nearest_rows(vectors, queries, K))
    print(f"{options.count:,} vectors of {vectors.shape[1]} dimensions")
    for config in KINDS:
        compare(config, vectors, queries, exact)


if __name__ == "__main__":
    main()
