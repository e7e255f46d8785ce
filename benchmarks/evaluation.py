"""Time and memory of an evaluation: of a set like Caltech-101, and of 100,000 images.

    python -m benchmarks.evaluation [--large 100000]

Clusters of vectors, evaluated from their embeddings without the bootstrap. The reference is the
bare matrix product of all queries with the gallery, block by block, without keeping the result.
Each set is measured in a process of its own, for its peak of memory.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import CORES_OF_LIMITS, NUM_CORES, report, seconds
from core.artifacts.folders import draft, publish
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageRow, Split
from core.datasets.layout import Labels, Layout
from core.datasets.registry import CATALOG, describe_dataset, open_dataset, publish_dataset
from core.datasets.root import Root
from core.embeddings.files import IMAGE_IDS, VECTORS
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.progress import finish
from core.workspace import Workspace

DIMENSION = 128
QUERIES_AT_ONCE = 4096
DATASET = "many"
LIMIT_S, LARGE_LIMIT_S, LARGE_LIMIT_BYTES = 5.0, 60.0, 2e9


def publish_clusters(
    workspace: Workspace, num_queries: int, num_gallery: int, num_classes: int
) -> str:
    """Publish a dataset of rows without files, and embeddings in clusters; return their id."""
    count = num_queries + num_gallery
    with draft(workspace.datasets) as folder:
        roots = [Root(path=folder, layout=Layout(labels=Labels.TOP))]
        describe_dataset(folder, roots=roots, source="folder", left_out=())
        catalog = Catalog(folder / CATALOG)
        catalog.create()
        catalog.write(new=(_found(n, num_queries, num_classes) for n in range(count)))
        publish_dataset(workspace, folder, DATASET)
    draw = np.random.default_rng(0)
    centers = draw.normal(size=(num_classes, DIMENSION)).astype(np.float32)
    vectors = draw.normal(size=(count, DIMENSION)).astype(np.float32)
    vectors *= 2
    vectors += centers[np.arange(count) % num_classes]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    dataset = open_dataset(workspace, DATASET)
    with draft(workspace.embeddings) as folder:
        np.save(folder / VECTORS, vectors)
        np.save(folder / IMAGE_IDS, np.array(dataset.catalog.ids(), np.int64))
        made_from = {
            "dataset": DATASET,
            "dataset_fingerprint": dataset.catalog.images_fingerprint,
            "model": "none",
            "model_fingerprint": "",
        }
        return publish(
            folder, kind="embeddings", stem="many", config={}, made_from=made_from, summary={}
        ).id


def _found(number: int, num_queries: int, num_classes: int) -> ImageRow:
    return ImageRow(
        root=0,
        path=f"{number}.png",
        label=f"class {number % num_classes}",
        width=32,
        height=32,
        size_bytes=100,
        modified_ns=0,
        sha256=f"{number:064x}",
        problem=None,
        split=Split.TEST if number < num_queries else Split.TRAIN,
    )


def products(path: Path, num_queries: int) -> None:
    """Multiply all queries with the whole gallery, without keeping the result."""
    vectors = np.load(path)
    queries, gallery = vectors[:num_queries], vectors[num_queries:]
    for start in range(0, num_queries, QUERIES_AT_ONCE):
        queries[start : start + QUERIES_AT_ONCE] @ gallery.T


def measure(num_queries: int, num_gallery: int, num_classes: int) -> None:
    """Measure one set in this process; print seconds, reference seconds, bytes and mAP@R."""
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace(Path(home))
        embeddings = publish_clusters(workspace, num_queries, num_gallery, num_classes)
        config = EvaluateConfig(embeddings=embeddings, replicates=0)
        before = time.perf_counter()
        made = finish(evaluate(workspace, config))
        taken = time.perf_counter() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        path = workspace.embeddings / embeddings / VECTORS
        bare = seconds(lambda: products(path, num_queries))
        print(taken, bare, peak, made.summary["map_at_r"])


def compare(title: str, sizes: tuple[int, int, int], limit_s: float, limit_bytes: float) -> None:
    """Measure one set in a process of its own, and print it beside the reference."""
    command = [sys.executable, "-m", "benchmarks.evaluation", "--measure", *map(str, sizes)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    taken, bare, peak, quality = map(float, ended.stdout.split())
    times = {"bare matrix product": bare, "evaluation from embeddings": taken}
    report(f"{title}; mAP@R {quality:.3f}", times, limit_s)
    judged = "holds" if peak < limit_bytes else "does not hold"
    if NUM_CORES < CORES_OF_LIMITS:
        judged = "not judged, few cores"
    print(f"  peak memory {peak / 1e9:.2f} GB; limit {limit_bytes / 1e9:g} GB: {judged}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=100_000, help="queries, and as many to find")
    parser.add_argument("--measure", type=int, nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(*options.measure)
        return
    compare("As many images as Caltech-101", (1736, 6073, 101), LIMIT_S, LARGE_LIMIT_BYTES)
    large = options.large
    title = f"{large:,} queries among {large:,} images of {max(2, large // 100):,} classes"
    sizes = (large, large, max(2, large // 100))
    compare(title, sizes, LARGE_LIMIT_S, LARGE_LIMIT_BYTES)


if __name__ == "__main__":
    main()
