"""Scan, rescan and catalog queries of 100,000 images.

    python -m benchmarks.datasets [--images 100000] [--keep FOLDER]

The images are small JPEGs of noise in 200 classes. The reference of scan and rescan is a bare loop
over the same files with the same number of workers, in turns; a catalog query may take 300 ms.
"""

import argparse
import hashlib
import os
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.timing import interleaved, report, seconds
from core.datasets import curation, facets
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageFilter, Order, Split
from core.datasets.importing.reading import CHUNK, READERS
from core.datasets.importing.scan import Source, add_folder, rescan
from core.datasets.registry import delete_dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.progress import finish
from core.workspace import Workspace

NUM_CLASSES = 200
NAME = "many"
ROUNDS = 3
NUM_QUERIES = 40
LIMIT_S = 0.3
PAGE = 60


@dataclass(frozen=True)
class BenchmarkDataset:
    """The images and their catalog."""

    root: Path
    workspace: Workspace

    @property
    def catalog(self) -> Catalog:
        """The catalog of the dataset as it is now."""
        return open_dataset(self.workspace, NAME).catalog


def make_images(root: Path, num_images: int) -> None:
    """Write small JPEGs of different content, size and shape, the same in every run."""
    for number in range(NUM_CLASSES):
        (root / f"class_{number:03}").mkdir(parents=True, exist_ok=True)

    def write(index: int) -> None:
        draw = np.random.default_rng(index)
        side = draw.integers(24, 96, 2)
        pixels = draw.integers(0, 255, (*(side // 8 + 1), 3), np.uint8)
        file = BytesIO()
        image = Image.fromarray(pixels).resize((int(side[1]), int(side[0])))
        image.save(file, "JPEG", quality=70)
        (root / f"class_{index % NUM_CLASSES:03}" / f"{index:06}.jpg").write_bytes(file.getvalue())

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(write, range(num_images), chunksize=256))


def paths_of(root: Path) -> list[str]:
    """Return all files, with one stat a file."""
    found = []
    for folder in sorted(os.scandir(root), key=lambda entry: entry.name):
        with os.scandir(folder.path) as entries:
            for entry in entries:
                entry.stat()
                found.append(entry.path)
    return found


def bare_read(path: str) -> tuple[str, tuple[int, int]]:
    """Return the SHA-256 of a file and the size in its header."""
    with open(path, "rb") as file:
        content = file.read()
    digest = hashlib.sha256(content).hexdigest()
    with Image.open(BytesIO(content)) as image:
        return digest, image.size


def bare_scan(root: Path) -> float:
    """Return the seconds to read every file with as many workers as a scan has."""

    def work() -> None:
        paths = paths_of(root)
        chunks = [paths[start : start + CHUNK] for start in range(0, len(paths), CHUNK)]
        with ThreadPoolExecutor(READERS) as readers:
            list(readers.map(lambda chunk: [bare_read(path) for path in chunk], chunks))

    return seconds(work)


def scan(bench: BenchmarkDataset) -> float:
    """Return the seconds to import the folder, catalog and splits included."""
    if (bench.workspace.datasets / NAME).exists():
        delete_dataset(bench.workspace, NAME)
    work = add_folder(bench.workspace, NAME, Source(root=bench.root), SplitConfig())
    return seconds(lambda: finish(work))


def bare_rescan(bench: BenchmarkDataset) -> float:
    """Return the seconds to walk the folders and read the rows of all files."""

    def work() -> None:
        paths_of(bench.root)
        with sqlite3.connect(bench.catalog.path) as connection:
            query = "SELECT path, id, size_bytes, modified_ns, sha256 FROM images"
            connection.execute(query).fetchall()

    return seconds(work)


def timed_rescan(bench: BenchmarkDataset) -> float:
    """Return the seconds to rescan the folder, in which nothing has changed."""
    return seconds(lambda: finish(rescan(bench.workspace, NAME)))


def catalog_queries(
    catalog: Catalog, num_images: int
) -> dict[str, Callable[[random.Random], object]]:
    """Return the catalog queries of the Datasets page, each with random values."""

    def label(draw: random.Random) -> tuple[str, ...]:
        return (f"class_{draw.randrange(NUM_CLASSES):03}",)

    def page(draw: random.Random, order: Order, images: ImageFilter | None = None) -> object:
        offset = draw.randrange(max(1, num_images - PAGE)) if images is None else 0
        shown = images or ImageFilter()
        rows = catalog.rows(shown, order=order, offset=offset, limit=PAGE)
        return curation.tags_of(catalog, [row.id for row in rows])

    pages: dict[str, Callable[[random.Random], object]] = {
        f"page, by {order}": partial(page, order=order) for order in Order
    }
    return pages | {
        "page of a class": lambda d: page(d, Order.NAME, ImageFilter(labels=label(d))),
        "page of a split": lambda d: page(d, Order.NAME, ImageFilter(splits=(Split.TEST,))),
        "page of a tag": lambda d: page(d, Order.ADDED, ImageFilter(tags=("some",))),
        "page of a text": lambda d: page(
            d, Order.NAME, ImageFilter(text=f"{d.randrange(1000):03}.")
        ),
        "page of a range of sides": lambda d: page(d, Order.LARGEST, ImageFilter(side=(40, 50))),
        "count of all": lambda d: catalog.count(),
        "count of a text": lambda d: catalog.count(ImageFilter(text=f"{d.randrange(1000)}")),
        "images per class and split": lambda d: catalog.class_counts(),
        "the same of a text": lambda d: catalog.class_counts(ImageFilter(text="9")),
        "histogram of sides": lambda d: facets.histogram(catalog, "side"),
        "histogram of shapes": lambda d: facets.histogram(catalog, "aspect"),
        "tags": lambda d: facets.tag_counts(catalog),
        "classes": lambda d: catalog.labels(),
        "ids of a class": lambda d: catalog.ids(ImageFilter(labels=label(d))),
    }


def measure_queries(bench: BenchmarkDataset, num_images: int) -> None:
    """Print the median and the 95th percentile of each query."""
    catalog, draw = bench.catalog, random.Random(0)
    curation.add_tag(catalog, catalog.ids()[::7], "some")
    print(f"\nCatalog queries, {num_images:,} images (limit {LIMIT_S * 1e3:.0f} ms at p95)")
    worst = 0.0
    for name, query in catalog_queries(catalog, num_images).items():
        taken = [seconds(partial(query, draw)) for _ in range(NUM_QUERIES)]
        p95 = statistics.quantiles(taken, n=20)[-1]
        worst = max(worst, p95)
        print(
            f"  {name:<32} median {statistics.median(taken) * 1e3:6.1f} ms   p95 {p95 * 1e3:6.1f}"
        )
    print(f"  worst p95 {worst * 1e3:.0f} ms: {'holds' if worst < LIMIT_S else 'does not hold'}")


def curate(bench: BenchmarkDataset) -> None:
    """Print the seconds that a change of every image takes."""
    catalog = bench.catalog
    ids = catalog.ids()
    print("\nCurating every image")
    for name, change in (
        ("tag", lambda: curation.add_tag(catalog, ids, "every")),
        ("exclude", lambda: curation.exclude(catalog, ids)),
        ("undo", lambda: curation.undo(catalog)),
        ("move", lambda: curation.move(catalog, ids, Split.TRAIN)),
    ):
        print(f"  {name:<32} {seconds(change):6.2f} s")


def main() -> None:
    """Make the images and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, help="use these images, made here if they are not")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        root = (options.keep or Path(temporary)) / "images"
        if not root.exists():
            started = time.perf_counter()
            make_images(root, options.images)
            print(f"{options.images:,} images made in {time.perf_counter() - started:.0f} s")
        bench = BenchmarkDataset(root.resolve(), Workspace(Path(temporary) / "home"))
        measurements = {"bare loop": lambda: bare_scan(root), "scan": lambda: scan(bench)}
        medians = interleaved(measurements, ROUNDS)
        report(f"Scan ({READERS} workers)", medians)
        speed = medians["bare loop"] / medians["scan"]
        print(f"  {speed:.0%} of the bare loop's speed (at least 80 %)")
        measurements = {
            "bare walk and rows": lambda: bare_rescan(bench),
            "rescan": lambda: timed_rescan(bench),
        }
        report("Rescan, nothing changed (at most 2 ×)", interleaved(measurements, ROUNDS))
        measure_queries(bench, options.images)
        curate(bench)


if __name__ == "__main__":
    main()
