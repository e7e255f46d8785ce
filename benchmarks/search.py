"""Overhead of the store over FAISS, and recall and latency of a million vectors.

    python -m benchmarks.search --home HOME [--count 1000000]

HOME is a workspace with embeddings; large sets are drawn around them. `graphs.py` compares other
libraries.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from benchmarks.large_sets import read_large_set
from core.artifacts.folders import draft, publish
from core.datasets.importing.scan import Source, add_folder
from core.datasets.sample.drawing import draw_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.files import IMAGE_IDS, VECTORS
from core.index_benchmark.config import RecommendConfig
from core.index_benchmark.recommend import recommend
from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.faiss_file import read_faiss
from core.indexes.faiss_store import FaissStore
from core.progress import finish
from core.workspace import Workspace

K = 10
ROUNDS = 30
NUM_QUERIES = 500
Floats = NDArray[np.float32]


def in_turns(*calls: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """Return the median seconds of each call, taken in turns."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for times, call in zip(taken, calls, strict=True):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
    return [float(np.median(times)) for times in taken]


def verdict(holds: bool) -> str:
    """Return whether a limit holds, as text."""
    return "holds" if holds else "does not hold"


def compare_with_raw(store: FaissStore, queries: Floats, name: str, *, is_small: bool) -> None:
    """Print the overhead of the store over FAISS's own search."""
    batch, one = queries[:100], queries[:1]
    index: Any = store.index
    ours, raw = in_turns(lambda: store.search(batch, K), lambda: index.search(batch, K))
    print(
        f"{name}, 100 at once: {ours * 1e3:.3f} ms, raw {raw * 1e3:.3f} ms, ratio "
        f"{ours / raw:.3f}, at most 1.1: {verdict(ours <= 1.1 * raw)}"
    )
    ours, raw = in_turns(
        lambda: store.search(one, K), lambda: index.search(one, K), rounds=20 * ROUNDS
    )
    added = (ours - raw) * 1e6
    holds = added <= 50 if is_small else ours <= 1.1 * raw
    limit = "at most 50 µs more" if is_small else "at most 1.1"
    print(
        f"{name}, one: {ours * 1e6:.1f} µs, raw {raw * 1e6:.1f} µs, {added:.1f} µs more, ratio "
        f"{ours / raw:.3f}, {limit}: {verdict(holds)}",
        flush=True,
    )


def recall_of(found: NDArray[np.int64], exact: NDArray[np.int64]) -> float:
    """Return the share of the exact neighbors that was found."""
    pairs = zip(found, exact, strict=True)
    return sum(len(np.intersect1d(a, b)) for a, b in pairs) / exact.size


def one_by_one(search: Callable[[Floats], NDArray[np.int64]], queries: Floats) -> tuple[Any, float]:
    """Return the rows found for each query, and the mean milliseconds of one on one thread."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    for query in queries[:20, None]:
        search(query)
    started = time.perf_counter()
    found = np.concatenate([search(query) for query in queries[:, None]])
    taken = (time.perf_counter() - started) / len(queries) * 1e3
    faiss.omp_set_num_threads(threads)
    return found, taken


def rows_of(store: FaissStore, effort: int) -> Callable[[Floats], NDArray[np.int64]]:
    """Return the store's search as a function from a query to (1, K) rows."""

    def search(query: Floats) -> NDArray[np.int64]:
        [matches] = store.search(query, K, effort=effort)
        rows = np.full((1, K), -1, np.int64)
        rows[0, : len(matches.image_ids)] = matches.image_ids
        return rows

    return search


def print_row(name: str, effort: int, recall: float, taken: float) -> None:
    """Print a line of the table of recall and latency."""
    print(f"  {name:<28} {effort:>5}  recall@10 {recall:.4f}  {taken:8.3f} ms", flush=True)


KINDS: tuple[tuple[IndexConfig, tuple[int, ...]], ...] = (
    (IndexConfig(kind="hnsw", m=32), (32, 64, 128)),
    (IndexConfig(kind="ivf"), (8, 16, 32, 64)),
    (IndexConfig(kind="ivf_pq", code_bytes=64), (16, 32, 64)),
)


def ours(vectors: Floats, queries: Floats, exact: NDArray[np.int64], folder: Path) -> None:
    """Print recall and latency of the workbench's kinds, and the time to open a saved index."""
    ids = np.arange(len(vectors), dtype=np.int64)
    for config, efforts in KINDS:
        started = time.perf_counter()
        store = finish(build(vectors, ids, config))
        print(f"{config.kind}: built in {time.perf_counter() - started:.1f} s", flush=True)
        for effort in efforts:
            found, taken = one_by_one(rows_of(store, effort), queries)
            print_row(f"ours, {config.kind}", effort, recall_of(found, exact), taken)
        print_opening(store, folder / "index.faiss", ids)


def print_opening(store: FaissStore, path: Path, ids: NDArray[np.int64]) -> None:
    """Print the time to open a saved index whose checksum is known."""
    from core.files import sha256_of

    store.write(path)
    started = time.perf_counter()
    sha256_of(path)
    checksum_s = time.perf_counter() - started
    started = time.perf_counter()
    read_faiss(path, ids, store.dimension)
    opened = time.perf_counter() - started
    print(
        f"  {path.stat().st_size / 1e6:.0f} MB: checksum {checksum_s:.2f} s once, then opened in "
        f"{opened:.3f} s, less than 1: {verdict(opened < 1)}"
    )


def recommendation(vectors: Floats, home: Path) -> None:
    """Print the index recommended for a recall of 0.95 within a millisecond."""
    workspace = Workspace(home)
    finish(draw_dataset(home / "images", per_class=1))
    root = Source(root=home / "images" / "images")
    dataset = finish(add_folder(workspace, "sample", root, SplitConfig()))
    with draft(workspace.embeddings) as folder:
        np.save(folder / VECTORS, vectors)
        np.save(folder / IMAGE_IDS, np.arange(len(vectors), dtype=np.int64))
        embeddings = publish(
            folder,
            kind="embeddings",
            stem="large",
            config={},
            made_from={
                "dataset": "sample",
                "dataset_fingerprint": dataset.catalog.images_fingerprint,
                "model": "none",
                "model_fingerprint": "",
            },
            summary={"num_problems": 0},
        )
    started = time.perf_counter()
    made = finish(recommend(workspace, embeddings.id, RecommendConfig(recall=0.95, latency_ms=1.0)))
    result = made.summary["recommendation"]
    print(
        f"recommend, after {time.perf_counter() - started:.0f} s: {result['index']}, met: "
        f"{result['is_met']}, {result['candidates']}",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    vectors, queries, exact = read_large_set(__doc__, NUM_QUERIES, K)
    with tempfile.TemporaryDirectory() as folder:
        ours(vectors, queries, exact, Path(folder))
        recommendation(vectors, Path(folder))
    small = min(10_000, len(vectors))
    for count in (small, len(vectors)):
        name = f"Flat, N = {count:,}"
        store = finish(build(vectors[:count], np.arange(count), IndexConfig()))
        compare_with_raw(store, queries, name, is_small=count == small)
    graph = IndexConfig(kind="hnsw")
    store = finish(build(vectors[:small], np.arange(small), graph))
    compare_with_raw(store, queries, f"HNSW, N = {small:,}", is_small=True)


if __name__ == "__main__":
    main()
