"""HNSW graphs of other libraries: recall and latency on the same vectors.

    python -m benchmarks.graphs --home HOME [--count 1000000]

HOME is a workspace with embeddings; the vectors are drawn around them. hnswlib and usearch are
measured if they are installed; they are no dependency of the project. All have the same M and
efConstruction. The libraries search in turns for each query, so that other load meets all of them.
"""

import importlib.util
import time
from collections.abc import Callable

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.large_sets import read_large_set
from benchmarks.search import Floats, K, recall_of, rows_of
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.progress import finish

LINKS, CONSTRUCTION = 32, 200
EFFORTS = (32, 64, 128)
NUM_QUERIES = 1000

Search = Callable[[Floats], NDArray[np.int64]]
Graph = Callable[[int], Search]
"""Set efSearch, and return the search of one query by one thread."""


def ours(vectors: Floats) -> Graph:
    """Build the workbench's graph."""
    config = IndexConfig(kind="hnsw", m=LINKS, ef_construction=CONSTRUCTION)
    store = finish(build(vectors, np.arange(len(vectors), dtype=np.int64), config))
    return lambda effort: rows_of(store, effort)


def hnswlib(vectors: Floats) -> Graph:
    """Build hnswlib's graph."""
    from hnswlib import Index

    graph = Index(space="ip", dim=vectors.shape[1])
    graph.init_index(len(vectors), M=LINKS, ef_construction=CONSTRUCTION)
    graph.add_items(vectors)
    graph.set_num_threads(1)

    def at(effort: int) -> Search:
        graph.set_ef(effort)
        return lambda query: graph.knn_query(query, K)[0].astype(np.int64)

    return at


def usearch(vectors: Floats) -> Graph:
    """Build usearch's graph."""
    from usearch.index import Index

    graph = Index(
        ndim=vectors.shape[1],
        metric="ip",
        connectivity=LINKS,
        expansion_add=CONSTRUCTION,
        dtype="f32",
    )
    graph.add(np.arange(len(vectors)), vectors)

    def at(effort: int) -> Search:
        graph.expansion_search = effort
        return lambda query: graph.search(query[0], K, threads=1).keys[None].astype(np.int64)

    return at


def built(vectors: Floats) -> dict[str, Graph]:
    """Build the graph of each installed library, and print the time."""
    graphs = {}
    for make in (ours, hnswlib, usearch):
        name = make.__name__
        if make is not ours and importlib.util.find_spec(name) is None:
            print(f"{name}: not installed, not measured")
            continue
        started = time.perf_counter()
        graphs[name] = make(vectors)
        print(f"{name}: built in {time.perf_counter() - started:.0f} s", flush=True)
    return graphs


def compare(graphs: dict[str, Graph], queries: Floats, exact: NDArray[np.int64]) -> None:
    """Print recall and the median milliseconds of a query, the graphs in turns."""
    faiss.omp_set_num_threads(1)
    for effort in EFFORTS:
        searches = {name: graph(effort) for name, graph in graphs.items()}
        found: dict[str, list[NDArray[np.int64]]] = {name: [] for name in graphs}
        taken: dict[str, list[float]] = {name: [] for name in graphs}
        for query in queries[:, None]:
            for name, search in searches.items():
                started = time.perf_counter()
                rows = search(query)
                taken[name].append(time.perf_counter() - started)
                found[name].append(rows)
        reference = float(np.median(taken["ours"]))
        for name, seconds in taken.items():
            middle, recall = (
                float(np.median(seconds)),
                recall_of(np.concatenate(found[name]), exact),
            )
            print(
                f"  {name:<10} {effort:>4}  recall@10 {recall:.4f}  {middle * 1e3:7.3f} ms  "
                f"{middle / reference:5.2f} ×",
                flush=True,
            )


def main() -> None:
    """Measure and print."""
    vectors, queries, exact = read_large_set(__doc__, NUM_QUERIES, K)
    compare(built(vectors), queries, exact)


if __name__ == "__main__":
    main()
