"""Build and search of a million vectors on a GPU, beside the CPU.

    python -m benchmarks.search_gpu --home HOME [--count 1000000]

HOME is a workspace with embeddings; the vectors are drawn around them, as in `search.py`.
"""

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.large_sets import read_large_set
from benchmarks.search import NUM_QUERIES, K, in_turns, recall_of
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.faiss_store import FaissStore
from core.indexes.gpu import num_gpus
from core.progress import finish

EFFORT = 32
KINDS = (
    IndexConfig(kind="flat"),
    IndexConfig(kind="ivf"),
    IndexConfig(kind="ivf_pq", code_bytes=64),
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
    """Print the time to build one kind, and to search it on CPU and GPU."""
    started = time.perf_counter()
    store = finish(build(vectors, np.arange(len(vectors), dtype=np.int64), config))
    built = time.perf_counter() - started
    effort = None if config.kind == "flat" else EFFORT
    beside = FaissStore(store.index, np.arange(len(vectors), dtype=np.int64))
    if not store.use_gpu():
        print(f"{config.kind}: not measured, the GPU does not support it")
        return
    print(f"{config.kind}, built in {built:.1f} s with the GPU; effort {effort or 'none'}")
    for name, searched in ("CPU", beside), ("GPU", store):
        print(f"  {name}: recall@10 {recall_of(found_by(searched, queries, effort), exact):.4f}")
    for count in 1, 100, NUM_QUERIES:
        some = queries[:count]
        slow, quick = in_turns(
            partial(beside.search, some, K, effort=effort),
            partial(store.search, some, K, effort=effort),
        )
        print(
            f"  {count} at once: CPU {slow * 1e3:.2f} ms, GPU {quick * 1e3:.2f} ms, "
            f"{slow / quick:.1f} times as quick",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    if not num_gpus():
        print("not measured: there is no GPU here, or FAISS finds none")
        return
    vectors, queries, exact = read_large_set(__doc__, NUM_QUERIES, K)
    for config in KINDS:
        compare(config, vectors, queries, exact)


if __name__ == "__main__":
    main()
