"""A workspace of a million images: files, catalog, hashes, embeddings, index, map and analysis.

Catalog and index are made by the project's own code. Perceptual
hashes, embeddings, neighbors and the layout of the map are drawn: those jobs are measured
elsewhere, and would take hours for a million.

Shapes, in this file: N images, D embedding dimensions, K neighbors.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.large_sets import BLOCK, LargeSet
from benchmarks.million_images import NUM_CLASSES, write_images
from core.artifacts.folders import draft, list_artifacts, publish
from core.artifacts.manifests import Manifest
from core.datasets import curation
from core.datasets.database import connect
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import Dataset, open_dataset
from core.datasets.splits import SplitConfig
from core.datasets.verification import GROUPED
from core.embeddings.files import CONTENTS, IMAGE_IDS, VECTORS, open_embeddings
from core.embeddings.unit_rows import unit
from core.images.hashing import HASH_BYTES
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.maps.config import MapConfig
from core.progress import finish
from core.quality.analysis import ARRAYS
from core.quality.config import AnalysisConfig
from core.quality.labels import read_image_labels
from core.quality.neighbors import Neighbors, first_rows, outlierness
from core.quality.rankings import save_rankings
from core.workspace import Workspace
from tests.browser.journey import headless

NAME = "million"
NEAR_DUPLICATES = 500
"""One image of so many looks like the one before it."""

TAGS = {"reviewed": 7, "blurry": 50, "night": 333}
"""Tag → one image of so many has it."""

DIMENSION = 128
SUBCLASSES = 50
NEIGHBORS = 20
Arrays = dict[str, NDArray[Any]]


def describe_images(dataset: Dataset) -> None:
    """Write drawn perceptual hashes and pairs of near-duplicates, and tag some images."""
    ids = dataset.catalog.ids()
    hashes = np.random.default_rng(0).integers(0, 256, (len(ids), HASH_BYTES), np.uint8)
    rows = zip(map(bytes, hashes), ids, strict=True)
    pairs = [(first, first + step) for first in ids[1::NEAR_DUPLICATES] for step in (0, 1)]
    with connect(dataset.catalog.path) as connection:
        connection.executemany(
            "UPDATE images SET checked = sha256, perceptual = ? WHERE id = ?", rows
        )
        connection.executemany(
            "UPDATE images SET representative = ?, representative_bits = 7 WHERE id = ?", pairs
        )
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, '')", (GROUPED,))
    for tag, share in TAGS.items():
        curation.add_tag(dataset.catalog, ids[1::share], tag)  # The first tile has to change


def make_model(workspace: Workspace) -> None:
    """Make an untrained model of a small dataset."""
    headless(workspace.home, "generate", "--name", "small", "--per-class", "4")
    network = ("--backbone", "resnet18", "--weights", "none", "--trainable-blocks", "4")
    size = ("--image-size", "32", "--epochs", "0")
    headless(workspace.home, "train", "--dataset", "small", *network, *size)


@dataclass(frozen=True)
class Drawn:
    """Images with drawn subclasses, for all that follows."""

    ids: NDArray[np.int64]
    contents: NDArray[np.uint8]
    subclasses: NDArray[np.int64]
    """(N,) of `NUM_CLASSES` · `SUBCLASSES`."""

    @property
    def neighbors(self) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(N, K) rows of other images of the same subclass, and similarities."""
        draw = np.random.default_rng(1)
        order = np.argsort(self.subclasses, kind="stable")
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        steps = np.arange(1, NEIGHBORS + 1)
        rows = order[(places[:, None] + steps) % len(order)].astype(np.int32)
        nearest = draw.uniform(0.6, 0.99, (len(order), 1))
        return rows, (nearest - 0.01 * (steps - 1)).astype(np.float32)


def draw_images(dataset: Dataset) -> Drawn:
    """Draw the subclass of each image within its class."""
    rows = dataset.catalog.select("SELECT id, label, sha256 FROM images ORDER BY id")
    hashes = np.frombuffer(bytes.fromhex("".join(sha256 for _, _, sha256 in rows)), np.uint8)
    classes = np.array([int(label.rpartition("_")[2]) for _, label, _ in rows])
    drawn = np.random.default_rng(0).integers(0, SUBCLASSES, len(rows))
    ids = np.array([image_id for image_id, _, _ in rows], np.int64)
    return Drawn(ids, hashes.reshape(len(rows), -1), classes * SUBCLASSES + drawn)


def draw_embeddings(workspace: Workspace, dataset: Dataset, drawn: Drawn) -> Manifest:
    """Publish embeddings drawn around the centers of the subclasses."""
    [model], _ = list_artifacts(workspace.models)
    draw = np.random.default_rng(0)
    of_classes = draw.normal(size=(NUM_CLASSES, 1, DIMENSION))
    centers = of_classes + 0.7 * draw.normal(size=(NUM_CLASSES, SUBCLASSES, DIMENSION))
    large = LargeSet(of_subclasses := unit(centers.reshape(-1, DIMENSION).astype(np.float32)))
    large.centers = of_subclasses  # All of them, in their order
    blocks = np.split(drawn.subclasses, range(BLOCK, len(drawn.ids), BLOCK))
    vectors = np.concatenate([large.around(block, draw) for block in blocks])
    made_from = {
        "dataset": NAME,
        "dataset_fingerprint": dataset.catalog.images_fingerprint,
        "model": model.id,
        "model_fingerprint": model.fingerprint,
    }
    arrays = {VECTORS: vectors, IMAGE_IDS: drawn.ids, CONTENTS: drawn.contents}
    return save(workspace.embeddings, "embeddings", {}, made_from, arrays, num_problems=0)


def draw_map(workspace: Workspace, index: Manifest, drawn: Drawn) -> Manifest:
    """Publish a map with an island for each class."""
    draw = np.random.default_rng(2)
    centers = 12 * draw.normal(size=(NUM_CLASSES, 1, 2)) + draw.normal(
        size=(NUM_CLASSES, SUBCLASSES, 2)
    )
    noise = 0.3 * draw.normal(size=(len(drawn.ids), 2))
    rows, similarities = drawn.neighbors
    arrays: Arrays = {
        "points": (centers.reshape(-1, 2)[drawn.subclasses] + noise).astype(np.float32),
        "image_ids": drawn.ids,
        "neighbors": rows[:, :15],
        "similarities": similarities[:, :15],
        "preserved": draw.random(len(drawn.ids), np.float32),
        "clusters": (drawn.subclasses // SUBCLASSES).astype(np.int32),
    }
    files: Arrays = {f"{name}.npy": values for name, values in arrays.items()}
    config = asdict(MapConfig(index=index.id))
    facts: dict[str, Any] = {"trustworthiness": 0.9, "num_clusters": NUM_CLASSES}
    return save(workspace.maps, "map", config, index.as_source, files, **facts)


def draw_analysis(workspace: Workspace, index: Manifest, drawn: Drawn) -> Manifest:
    """Publish an analysis; its rankings are made by the project's own code."""
    rows, similarities = drawn.neighbors
    contents = first_rows(drawn.contents)
    near = Neighbors(contents[rows], similarities, contents)
    values: tuple[NDArray[Any], ...] = (
        *(drawn.ids, near.rows, near.similarities, near.contents),
        *(outlierness(near), drawn.subclasses.astype(np.int32)),
    )
    files: Arrays = {f"{name}.npy": each for name, each in zip(ARRAYS, values, strict=True)}
    config = asdict(AnalysisConfig(index=index.id))
    facts: dict[str, Any] = {
        "num_copies": 0,
        "neighbors": NEIGHBORS,
        "num_clusters": 0,
        "analyze_s": 0.0,
    }
    vectors = open_embeddings(workspace, index.made_from["embeddings"]).vectors
    labels = read_image_labels(open_dataset(workspace, NAME).catalog, drawn.ids)

    def rank(folder: Path) -> None:
        save_rankings(folder, vectors, near, labels)

    return save(workspace.analyses, "analysis", config, index.as_source, files, rank, **facts)


def save(
    parent: Path,
    kind: str,
    config: dict[str, Any],
    made_from: dict[str, str],
    files: Arrays,
    add_files: Callable[[Path], None] = lambda _: None,
    **summary: Any,
) -> Manifest:
    """Publish arrays, of a row an image each, as an artifact."""
    with draft(parent) as folder:
        for name, values in files.items():
            np.save(folder / name, values)
            summary["count"] = len(values)
        add_files(folder)
        return publish(
            folder, kind=kind, stem=NAME, config=config, made_from=made_from, summary=summary
        )


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
        source = Source(root=root.resolve())
        timed("import", lambda: finish(add_folder(workspace, NAME, source, SplitConfig())))
        timed("hashes, near-duplicates, tags", lambda: describe_images(_dataset(workspace)))
    if not workspace.models.exists():
        timed("model", lambda: make_model(workspace))
    drawn = draw_images(_dataset(workspace))
    if not workspace.embeddings.exists():
        timed("embeddings", lambda: draw_embeddings(workspace, _dataset(workspace), drawn))
    [embeddings], _ = list_artifacts(workspace.embeddings)
    if not workspace.indexes.exists():
        config = IndexConfig(kind="ivf", nlist=512, nprobe=8)
        timed("index", lambda: finish(build_index(workspace, embeddings.id, config)))
    [index], _ = list_artifacts(workspace.indexes)
    if not workspace.maps.exists():
        timed("map", lambda: draw_map(workspace, index, drawn))
    if not workspace.analyses.exists():
        timed("analysis", lambda: draw_analysis(workspace, index, drawn))
    return workspace


def _dataset(workspace: Workspace) -> Dataset:
    return open_dataset(workspace, NAME)
