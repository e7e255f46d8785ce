"""An index on a Milvus server beside one of FAISS: build, recall and latency, with filters, too.

    python -m benchmarks.milvus --home HOME [--count 100000] [--kind hnsw] [--partition-key]

HOME is a workspace with embeddings; a larger set is drawn around them, saved as embeddings of a
temporary workspace and indexed as the Indexes page does it. WORKBENCH_MILVUS_URI names the server;
without it, one of the Milvus wheel is started, where the network is loopback only:

    tests/milvus/isolated.sh python -m benchmarks.milvus --home HOME
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.large_sets import LargeSet, real_embeddings
from benchmarks.milvus_workspace import SHARES, classes_of, drawn
from benchmarks.timing import interleaved
from core.embeddings.exact_search import nearest_rows
from core.embeddings.files import Embeddings
from core.indexes.build import build
from core.indexes.config import IndexConfig, StoreName, kinds_in
from core.indexes.deletion import delete_index
from core.indexes.files import build_index, open_index
from core.indexes.milvus.address import URI
from core.indexes.milvus.calls import call
from core.indexes.milvus.collection import ID, LABEL, MARK, MAX_LABEL_BYTES, VECTOR, Collection
from core.indexes.milvus.store import MilvusStore
from core.indexes.milvus.sync import sync
from core.indexes.store import Matches, VectorStore
from core.progress import Progress, Work, finish
from core.workspace import Workspace
from tests.milvus.server import MilvusServer, reason_to_skip

K = 10
NUM_QUERIES = 200
NUM_TIMED = 10
"""Queries whose latency is measured, one by one, in each round."""

ROUNDS = 5
SLOW_SUBSET = 5_000
"""Ids above which a server takes seconds to read them, so they are sent in one round only."""


@contextmanager
def server() -> Iterator[MilvusServer | None]:
    """Start a server of the Milvus wheel, unless the environment names another one."""
    if URI in os.environ:
        yield None
        return
    if reason := reason_to_skip():
        raise SystemExit(f"No server: {reason}")
    with tempfile.TemporaryDirectory() as folder:
        started = MilvusServer(Path(folder))
        os.environ[URI] = started.uri
        try:
            yield started
        finally:
            started.close()


def timed(work: Work[Any], name: str, count: int, started_server: MilvusServer | None) -> Any:
    """Run work to its end, and print its seconds and the most memory of both processes."""
    started, own, others = time.perf_counter(), 0, 0
    phases: dict[str, float] = {}
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            break_at = time.perf_counter() - started
            print(f"{name}: {break_at:.1f} s, {break_at / count * 1e6:.1f} µs a vector")
            for note, seconds in phases.items():
                print(f"  until the end of “{note}”: {seconds:.1f} s")
            print(
                f"  memory: {own / 1e9:.2f} GB here, {others / 1e9:.2f} GB on the server",
                flush=True,
            )
            return end.value
        own = max(own, psutil.Process().memory_info().rss)
        if started_server is not None:
            others = max(others, started_server.memory_bytes)
        if isinstance(event, Progress):
            phases[event.note.split(",")[0]] = time.perf_counter() - started


def filters(image_ids: NDArray[np.int64], labels: NDArray[np.str_]) -> dict[str, dict[str, Any]]:
    """Return the arguments of a search by what it is restricted to."""
    draw = np.random.default_rng(2)
    chosen: dict[str, dict[str, Any]] = {"all images": {}}
    for label, share in SHARES.items() if labels[0] else ():
        subset = image_ids[labels == label]
        chosen[f"a class of {share:.0%}"] = {"subset": subset, "labels": (label,)}
        some = np.sort(draw.choice(image_ids, len(subset), replace=False))
        chosen[f"{share:.0%} of the ids"] = {"subset": some}
    return chosen


def compare(
    stores: dict[str, VectorStore],
    embeddings: Embeddings,
    labels: NDArray[np.str_],
    queries: NDArray[np.float32],
) -> None:
    """Print recall and latency of each store with each filter; the first is the reference."""
    image_ids = embeddings.image_ids
    print(f"{'':<22}" + "".join(f"{name:>34}" for name in stores))
    for name, arguments in filters(image_ids, labels).items():
        subset = arguments.get("subset", image_ids)
        among = np.searchsorted(image_ids, subset)
        rows, _ = finish(nearest_rows(embeddings.vectors, queries, K, among))
        exact = subset[rows]
        recall = {
            store: recall_of(opened.search(queries, K, **arguments), exact)
            for store, opened in stores.items()
        }
        reads_ids = name.endswith("ids") and len(subset) > SLOW_SUBSET
        medians = interleaved(
            {
                store: partial(latency, opened, queries, arguments)
                for store, opened in stores.items()
            },
            1 if reads_ids else ROUNDS,
        )
        reference = next(iter(medians.values()))
        parts = [
            f"{recall[store]:>12.3f} {value * 1e3:>10.2f} ms {value / reference:>6.1f} ×"
            for store, value in medians.items()
        ]
        print(f"{name:<22}" + "".join(parts), flush=True)


def latency(store: VectorStore, queries: NDArray[np.float32], arguments: dict[str, Any]) -> float:
    """Return the median seconds of searches for one query each."""
    seconds = []
    for query in queries[:NUM_TIMED, None]:
        started = time.perf_counter()
        store.search(query, K, **arguments)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def recall_of(found: list[Matches], exact: NDArray[np.int64]) -> float:
    """Return the share of the (Q, K) exact neighbors that was found."""
    pairs = zip(found, exact, strict=True)
    return sum(len(np.intersect1d(a.image_ids, b)) for a, b in pairs) / exact.size


def by_partition_key(
    plain: Collection, embeddings: Embeddings, labels: NDArray[np.str_]
) -> MilvusStore:
    """Fill a collection that has its classes in partitions of their own."""
    from pymilvus import DataType

    collection = replace(plain, name=f"{plain.name}_by_class")

    def create(client: Any) -> None:
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(ID, DataType.INT64, is_primary=True)
        schema.add_field(LABEL, DataType.VARCHAR, max_length=MAX_LABEL_BYTES, is_partition_key=True)
        schema.add_field(MARK, DataType.INT64)
        schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=collection.dimension)
        client.create_collection(collection.name, schema=schema)

    call(collection.address, create)
    work = sync(collection, embeddings.vectors, embeddings.image_ids, labels.tolist())
    timed(work, "Milvus, class as partition key", len(labels), None)
    return MilvusStore(collection)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--kind", default="hnsw", choices=kinds_in(StoreName.MILVUS))
    parser.add_argument("--partition-key", action="store_true")
    options = parser.parse_args()
    large = LargeSet(real_embeddings(options.home))
    queries, labels = large.queries(NUM_QUERIES), classes_of(options.count)
    with server() as started, tempfile.TemporaryDirectory() as home:
        workspace, count = Workspace(Path(home)), options.count
        embeddings = drawn(workspace, large, labels)
        print(f"{count:,} vectors of {queries.shape[1]} dimensions, {options.kind}", flush=True)
        config = IndexConfig(kind=options.kind, store=StoreName.MILVUS)
        index = timed(
            build_index(workspace, embeddings.manifest.id, config), "Milvus", count, started
        )
        near = replace(config, store=StoreName.FAISS)
        faiss = timed(build(embeddings.vectors, embeddings.image_ids, near), "FAISS", count, None)
        opened = open_index(workspace, index.id).store
        stores: dict[str, VectorStore] = {"FAISS": faiss, "Milvus": opened}
        if options.partition_key and isinstance(opened, MilvusStore):
            stores["by partition key"] = by_partition_key(opened.collection, embeddings, labels)
        compare(stores, embeddings, labels, queries)
        delete_index(workspace, index.id)


if __name__ == "__main__":
    main()
