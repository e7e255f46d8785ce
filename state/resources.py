"""Resources shared by all tabs: models and indexes (`open_models.py`), thumbnails, the job board.

Each function is a call of core, most of them cached (`cache_keys.py`).
"""

import functools
import sys
import threading
import types
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts.folders import remove_stale_drafts
from core.artifacts.manifests import Manifest
from core.artifacts.versions import remove_old_versions
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.errors import UnreadableImageError
from core.images.thumbnails import SIDE, cache_thumbnails, data_uri, encode_thumbnail, thumbnail
from core.lineage.disk_use import DiskUse
from core.lineage.disk_use import disk_use as measure_disk_use
from core.maps.config import MIN_EPOCHS
from core.progress import finish
from core.training.augment_config import PRESETS
from core.training.history import SampleRetrieval, saved_epochs
from core.training.runs import Run, folder_of, list_runs
from core.workspace import Workspace, open_workspace
from state.cache_keys import BY_CONTENT, BY_REVISION
from state.jobs import JobBoard
from state.open_models import index as index
from state.open_models import model as model
from state.serving import restrict_sources
from state.trainings import Training, list_trainings

if TYPE_CHECKING:
    from core.index_benchmark.points import Measured
    from core.index_benchmark.queries import BenchmarkQueries
    from core.index_benchmark.sweep import Sweep
    from core.maps.epochs import EpochMaps
    from core.query.ood import OODReference

DISK_USE_S = 60
NUM_BENCH_QUERIES = 200
"""Few enough to measure an index within about a second."""

_SINGLETONS = "_workbench_singletons"
"""A module only in memory, which survives reloads of code and cleared caches."""


def workspace() -> Workspace:
    """Return the workspace of this server."""
    return open_workspace()


def jobs() -> JobBoard:
    """Return the job board of this server's workspace."""
    holder = sys.modules.setdefault(_SINGLETONS, types.ModuleType(_SINGLETONS))
    lock = holder.__dict__.setdefault("lock", threading.Lock())
    boards = holder.__dict__.setdefault("boards", {})
    home = workspace()
    with lock:
        if home.home not in boards:
            others = (home.datasets, home.features, home.exports, home.batches)
            for parent in (*others, *home.artifacts.values()):
                remove_stale_drafts(parent)
            remove_old_versions(home.indexes)
            restrict_sources()
            boards[home.home] = JobBoard(home)
        board: JobBoard = boards[home.home]
        return board


def trainings() -> list[Training]:
    """Return all trainings, newest first."""
    return list_trainings(workspace(), jobs().views())


def training(run_id: str) -> Training | None:
    """Return a training, or None if there is none of that id."""
    return next((each for each in trainings() if each.run.id == run_id), None)


@st.cache_data(ttl=DISK_USE_S, show_spinner=False)
def disk_use() -> DiskUse:
    """Return the disk use of the workspace, measured within the last minute."""
    return measure_disk_use(workspace())


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_REVISION)
def ood_reference(manifest: Manifest, dataset: Dataset) -> "OODReference":
    """Measure how similar held-out images are to an index."""
    from core.embeddings.files import open_embeddings
    from core.query.ood import build_ood_reference

    opened = index(manifest.id, manifest.fingerprint)
    embeddings = open_embeddings(workspace(), opened.embeddings)
    return build_ood_reference(opened.store, embeddings, dataset.catalog)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_CONTENT)
def sweep(manifest: Manifest) -> "Sweep":
    """Open an index sweep."""
    from core.index_benchmark.sweep import open_sweep

    return open_sweep(workspace(), manifest.id)


@st.cache_resource(max_entries=2, show_spinner="Running exact search…", hash_funcs=BY_REVISION)
def benchmark(embeddings: Manifest, dataset: Dataset) -> "BenchmarkQueries":
    """Sample queries from embedded images, with their exact neighbors and classes."""
    del dataset  # Part of the key
    from core.index_benchmark.queries import make_benchmark_queries

    return finish(make_benchmark_queries(workspace(), embeddings.id, num_queries=NUM_BENCH_QUERIES))


@st.cache_data(max_entries=64, show_spinner="Measuring…", hash_funcs=BY_REVISION)
def measured(
    manifest: Manifest, embeddings: Manifest, dataset: Dataset, effort: int | None
) -> "Measured":
    """Measure an open index at an nprobe or efSearch, with its own embeddings as queries."""
    from core.index_benchmark.measure import measure

    opened = index(manifest.id, manifest.fingerprint)
    return finish(measure(opened.store, benchmark(embeddings, dataset), effort))


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=BY_REVISION)
def sample_matches(
    manifest: Manifest, embeddings: Manifest, dataset: Dataset, effort: int | None
) -> list[SampleRetrieval]:
    """Search an open index with some of its own images."""
    from core.index_benchmark.samples import sample_retrievals

    store = index(manifest.id, manifest.fingerprint).store
    return sample_retrievals(store, benchmark(embeddings, dataset), dataset.catalog, effort)


def epoch_maps(run_id: str) -> "EpochMaps":
    """Open the maps of the epochs of a run.

    Raises:
        MissingError: They have not been made.
    """
    from core.maps.epochs import open_epoch_maps

    return open_epoch_maps(workspace(), run_id)


def run_of(model_id: str) -> Run | None:
    """Return the run of a model, or None if it has too few epochs for a training history."""
    for run in list_runs(workspace()):
        if run.model == model_id:
            folder = folder_of(workspace(), run.id)
            return run if len(saved_epochs(folder)) >= MIN_EPOCHS else None
    return None


def make_thumbnails(dataset: Dataset, images: Sequence[ImageRow]) -> None:
    """Make the missing thumbnails of a page at once."""
    cache_thumbnails(
        [(dataset.path_of(image), image.sha256) for image in images if image.problem is None],
        dataset.thumbnails,
    )


def tile_source(dataset: Dataset, image: ImageRow, side: int = SIDE) -> tuple[str, str]:
    """Return (thumbnail as a data URI, ""), or ("", why there is none)."""
    path, cache = str(dataset.path_of(image)), str(dataset.thumbnails)
    try:
        return _thumbnail_uri(path, cache, image.sha256, side), ""
    except UnreadableImageError as error:
        return "", error.problem


@st.cache_data(max_entries=20, show_spinner="Changing some images…", hash_funcs=BY_REVISION)
def augmented_images(dataset: Dataset, augment: str, side: int, seed: int) -> list[str]:
    """Return some training images, augmented at random, as data URIs."""
    from core.training import augment as augmentation

    images = augmentation.augmented_images(dataset, PRESETS[augment], side, seed)
    return [data_uri(encode_thumbnail(image)) for image in images]


@functools.lru_cache(maxsize=4000)  # A page has dozens, and st.cache_data takes 1 ms each
def _thumbnail_uri(path: str, cache: str, sha256: str, side: int) -> str:
    return data_uri(thumbnail(Path(path), Path(cache), sha256, side))
