"""A workspace of a million images: files, catalog, hashes, embeddings, index, map and analysis.

The images are small JPEGs of noise in 200 classes: 4,096 pictures, each file with other bytes, but
for one percent of exact copies. Perceptual hashes and embeddings are drawn, since decoding and
embedding are measured elsewhere; everything else is made by the project's own code.

Shapes, in this file: N images, D embedding dimensions.
"""

import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.large_sets import BLOCK, LargeSet
from core.artifacts.folders import draft, list_artifacts, publish
from core.artifacts.manifests import Manifest
from core.datasets import curation
from core.datasets.database import connect
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import Dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.datasets.verification import check_images
from core.embeddings.files import CONTENTS, IMAGE_IDS, VECTORS
from core.embeddings.unit_rows import unit
from core.images.hashing import HASH_BYTES
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.maps.config import MapConfig, MapMethod
from core.maps.files import build_map
from core.progress import Work, finish
from core.quality.analysis import analyze
from core.quality.config import AnalysisConfig
from core.workspace import Workspace
from tests.browser.journey import headless

NAME = "million"
NUM_CLASSES = 200
NUM_PICTURES = 4096
COPIED = 100
"""One file of so many is an exact copy of another."""

NEAR_DUPLICATES = 500
"""One image of so many looks like the one before it."""

TAGS = {"reviewed": 7, "blurry": 50, "night": 333}
"""Tag → one image of so many has it."""

DIMENSION = 128
SUBCLASSES = 50


def write_images(root: Path, count: int) -> None:
    """Write `count` small JPEGs, the same in every run."""
    pictures = [_picture(number) for number in range(NUM_PICTURES)]
    for number in range(NUM_CLASSES):
        (root / f"class_{number:03}").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        content = number if number % COPIED else number - number % (10 * COPIED)
        path = root / f"class_{number % NUM_CLASSES:03}" / f"{number:07}.jpg"
        # Bytes after the end of a JPEG are ignored
        path.write_bytes(pictures[content % NUM_PICTURES] + content.to_bytes(8, "little"))


def _picture(seed: int) -> bytes:
    draw = np.random.default_rng(seed)
    height, width = draw.integers(24, 96, 2).tolist()
    pixels = draw.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).resize((width, height)).save(file, "JPEG", quality=70)
    return file.getvalue()


def import_images(workspace: Workspace, root: Path) -> Dataset:
    """Import the images, catalog and splits included."""
    finish(add_folder(workspace, NAME, Source(root=root.resolve()), SplitConfig()))
    return open_dataset(workspace, NAME)


def describe_images(dataset: Dataset) -> None:
    """Write drawn perceptual hashes, group near-duplicates, and tag some images."""
    ids = dataset.catalog.ids()
    hashes = np.random.default_rng(0).integers(0, 256, (len(ids), HASH_BYTES), np.uint8)
    hashes[1::NEAR_DUPLICATES] = hashes[0::NEAR_DUPLICATES][: len(hashes[1::NEAR_DUPLICATES])]
    rows = zip(map(bytes, hashes), ids, strict=True)
    with connect(dataset.catalog.path) as connection:
        connection.executemany(
            "UPDATE images SET checked = sha256, perceptual = ? WHERE id = ?", rows
        )
    finish(check_images(dataset))
    for tag, share in TAGS.items():
        curation.add_tag(dataset.catalog, ids[::share], tag)


def draw_embeddings(workspace: Workspace, dataset: Dataset) -> Manifest:
    """Publish embeddings drawn around subclasses of the classes, by an untrained model."""
    network = ("--backbone", "resnet18", "--weights", "none", "--trainable-blocks", "4")
    size = ("--image-size", "32", "--epochs", "0")
    headless(workspace.home, "train", "--dataset", NAME, *network, *size)
    [model], _ = list_artifacts(workspace.models)
    rows = dataset.catalog.select("SELECT id, label, sha256 FROM images ORDER BY id")
    vectors = _vectors(np.array([int(label.rpartition("_")[2]) for _, label, _ in rows]))
    hashes = np.frombuffer(bytes.fromhex("".join(sha256 for _, _, sha256 in rows)), np.uint8)
    with draft(workspace.embeddings) as folder:
        np.save(folder / VECTORS, vectors)
        np.save(folder / IMAGE_IDS, np.array([image_id for image_id, _, _ in rows], np.int64))
        np.save(folder / CONTENTS, hashes.reshape(len(rows), -1))
        made_from = {
            "dataset": NAME,
            "dataset_fingerprint": dataset.catalog.images_fingerprint,
            "model": model.id,
            "model_fingerprint": model.fingerprint,
        }
        summary = {"num_problems": 0}
        return publish(
            folder, kind="embeddings", stem=NAME, config={}, made_from=made_from, summary=summary
        )


def _vectors(classes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return (N, D) float32 unit rows around the centers of (N,) classes."""
    draw = np.random.default_rng(0)
    of_classes = draw.normal(size=(NUM_CLASSES, 1, DIMENSION))
    centers = of_classes + 0.7 * draw.normal(size=(NUM_CLASSES, SUBCLASSES, DIMENSION))
    large = LargeSet(unit(centers.reshape(-1, DIMENSION).astype(np.float32)))
    large.centers = unit(centers.reshape(-1, DIMENSION).astype(np.float32))  # All, in their order
    drawn = [
        large.around(own * SUBCLASSES + draw.integers(0, SUBCLASSES, len(own)), draw)
        for own in np.split(classes, range(BLOCK, len(classes), BLOCK))
    ]
    return np.concatenate(drawn)


def timed(title: str, work: Callable[[], object]) -> None:
    """Do a step and print its seconds."""
    started = time.perf_counter()
    work()
    print(f"  {title:<48} {time.perf_counter() - started:8.1f} s", flush=True)


def prepare(home: Path, root: Path, count: int) -> Workspace:
    """Make what is missing of the workspace, and print the seconds of each step."""
    workspace = Workspace(home)
    if not root.exists():
        timed("images", lambda: write_images(root, count))
    if not (workspace.datasets / NAME).exists():
        timed("import", lambda: import_images(workspace, root))
        timed("hashes, near-duplicates, tags", lambda: describe_images(_dataset(workspace)))
    if not workspace.embeddings.exists():
        timed("embeddings", lambda: draw_embeddings(workspace, _dataset(workspace)))
    [embeddings], _ = list_artifacts(workspace.embeddings)
    if not workspace.indexes.exists():
        config = IndexConfig(kind="ivf", nlist=4096, nprobe=32)
        _step("index", lambda: build_index(workspace, embeddings.id, config))
    [index], _ = list_artifacts(workspace.indexes)
    if not workspace.maps.exists():
        config_of_map = MapConfig(index=index.id, method=MapMethod.PCA)
        _step("map (PCA)", lambda: build_map(workspace, config_of_map))
    if not workspace.analyses.exists():
        _step("analysis", lambda: analyze(workspace, AnalysisConfig(index=index.id)))
    return workspace


def _dataset(workspace: Workspace) -> Dataset:
    return open_dataset(workspace, NAME)


def _step(title: str, make: Callable[[], Work[Manifest]]) -> None:
    timed(title, lambda: finish(make()))
