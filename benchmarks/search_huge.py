"""Build and search of ten million vectors in IVF-PQ within 8 GB of memory.

    python -m benchmarks.search_huge --home HOME [--count 10000000]

The vectors are in a mapped file; the process may allocate 8 GB and fails beyond that.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
import psutil

from benchmarks.large_sets import BLOCK, LargeSet, intrinsic_dimension, real_embeddings
from core.embeddings.exact_search import nearest_rows
from core.index_benchmark.measure import size_of
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.progress import finish

LIMIT_BYTES = 8 << 30
K = 10
NUM_QUERIES = 200


def own_bytes() -> int:
    """Return the anonymous memory of this process in bytes: without mapped files."""
    [line] = [
        line
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("RssAnon:")
    ]
    return int(line.split()[1]) * 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10_000_000)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))
    large = LargeSet(real_embeddings(options.home))
    queries = large.queries(NUM_QUERIES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        shape = (options.count, queries.shape[1])
        vectors = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        for number, start in enumerate(range(0, options.count, BLOCK)):
            block = large.block(number, min(BLOCK, options.count - start))
            vectors[start : start + len(block)] = block
        vectors.flush()
        exact, _ = finish(nearest_rows(vectors, queries, K))
        dimension = intrinsic_dimension(vectors, queries)
        print(f"{options.count:,} vectors, intrinsic dimension {dimension:.1f}")
        for code_bytes in (32, 64):
            config = IndexConfig(kind="ivf_pq", code_bytes=code_bytes, nlist=8192)
            started = time.perf_counter()
            store = finish(build(vectors, np.arange(options.count, dtype=np.int64), config))
            taken = time.perf_counter() - started
            own_gb = own_bytes() / 1e9
            print(
                f"codes of {code_bytes} bytes: built in {taken:.0f} s, {size_of(store) / 1e9:.2f} "
                f"GB, the process takes {own_gb:.1f} GB, at most 8.6",
                flush=True,
            )
            faiss.omp_set_num_threads(1)
            for nprobe in (16, 32, 64, 128):
                started = time.perf_counter()
                found = [store.search(query, K, effort=nprobe)[0] for query in queries[:, None]]
                milliseconds = (time.perf_counter() - started) / len(queries) * 1e3
                hits = sum(
                    len(np.intersect1d(a.image_ids, b)) for a, b in zip(found, exact, strict=True)
                )
                print(
                    f"  nprobe {nprobe:>4}  recall@10 {hits / exact.size:.4f}  "
                    f"{milliseconds:.3f} ms on one thread",
                    flush=True,
                )
            faiss.omp_set_num_threads(psutil.cpu_count() or 1)
            del store


if __name__ == "__main__":
    main()
