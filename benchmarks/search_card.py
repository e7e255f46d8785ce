"""Building and searching a million vectors on a graphics card, beside the processor.

    python -m benchmarks.search_card --home HOME [--count 1000000]

HOME is a workspace with embeddings; the set is drawn around them, as in `search.py`.
"""

import time
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.large_sets import drawn_as_asked
from benchmarks.search import NUM_QUERIES, K, in_turns, recall_of
from core.indexes.build import build
from core.indexes.config import IndexConfig, IndexKind
from core.indexes.faiss_store import FaissStore
from core.indexes.gpu import num_gpus
from core.progress import finish

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
    if not store.use_gpu():
        print(f"{config.kind}: not measured, the card does not take it")
        return
    print(f"{config.kind}, built in {built:.1f} s with the card; effort {effort or 'none'}")
    for name, asked in ("processor", beside), ("card", store):
        print(f"  {name}: recall@10 {recall_of(found_by(asked, queries, effort), exact):.4f}")
    for count in 1, 100, NUM_QUERIES:
        some = queries[:count]
        slow, quick = in_turns(
            partial(beside.search, some, K, effort=effort),
            partial(store.search, some, K, effort=effort),
        )
        print(
            f"  {count} at once: processor {slow * 1e3:.2f} ms, card {quick * 1e3:.2f} ms, "
            f"{slow / quick:.1f} times as quick",
            flush=True,
        )


def main() -> None:
    """Measure and print."""
    if not num_gpus():
        print("not measured: there is no graphics card here, or FAISS knows none")
        return
    vectors, queries, exact = drawn_as_asked(__doc__, NUM_QUERIES, K)
    for config in KINDS:
        compare(config, vectors, queries, exact)


if __name__ == "__main__":
    main()
