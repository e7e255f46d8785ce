"""Analyses: the neighbors, outlier scores and clusters of an index's images, saved to disk.

An analysis does not depend on labels, splits or tags. The checks (`checks.py`) combine it with the
current catalog, so that a corrected image leaves a list at once.

Shapes, in this file: N images, K neighbors.
"""

import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, open_artifact, publish
from core.artifacts.manifests import Manifest
from core.datasets.registry import open_dataset
from core.embeddings.files import Embeddings, open_embeddings
from core.embeddings.unit_rows import check_unit_rows
from core.errors import WorkbenchError
from core.jobs.background import run_in_thread
from core.progress import Progress, Work, run_part
from core.quality.clusters import find_clusters
from core.quality.config import MIN_IMAGES, AnalysisConfig
from core.quality.labels import read_image_labels
from core.quality.neighbors import Neighbors, find_neighbors, first_rows, outlierness
from core.quality.rankings import MIN_SAVED, SavedRankings, open_rankings, save_rankings
from core.workspace import Workspace

ARRAYS = ("image_ids", "rows", "similarities", "contents", "outlierness", "clusters")
SAME = 1e-6
"""Embeddings within this cosine distance count as identical."""

MAX_STEM_LENGTH = 70


@dataclass(frozen=True, slots=True)
class Analysis:
    """An analysis, read from disk."""

    manifest: Manifest
    image_ids: NDArray[np.int64]
    """(N,) catalog ids, ascending: those of the embeddings."""

    neighbors: Neighbors
    outlierness: NDArray[np.float32]
    """(N,) outlier scores, see `neighbors.outlierness`."""

    clusters: NDArray[np.int32]
    """(N,) cluster numbers, see `clusters.find_clusters`."""

    saved: SavedRankings | None = None
    """Rankings of very many images."""

    @property
    def embeddings(self) -> str:
        """Id of the analyzed embeddings."""
        return self.manifest.made_from["embeddings"]

    def nearest(self, image_id: int, usable: NDArray[np.bool_], k: int) -> list[tuple[int, float]]:
        """Return (id, cosine similarity) of at most `k` neighbors of an image, the nearest first.

        `usable` tells (N,) which images may be returned.
        """
        row = int(np.searchsorted(self.image_ids, image_id))
        near = self.neighbors.rows[row]
        among = usable[near]
        ids = self.image_ids[near[among]][:k].tolist()
        return list(zip(ids, self.neighbors.similarities[row][among][:k].tolist(), strict=True))


def analyze(workspace: Workspace, config: AnalysisConfig) -> Work[Manifest]:
    """Analyze the embeddings of an index, and publish what the checks need.

    Raises:
        MissingError: The index or its embeddings do not exist.
        DamagedArtifactError: Their files were changed.
        WorkbenchError: There are too few images, or their embeddings are identical.
    """
    started = time.perf_counter()
    index = open_artifact(workspace.indexes, config.index)
    embeddings = open_embeddings(workspace, index.made_from["embeddings"])
    check_unit_rows(embeddings.vectors)
    _check_differences(embeddings)
    search = find_neighbors(embeddings.vectors, embeddings.contents, config.neighbors)
    neighbors = yield from run_part(search, 0, 2, "finding neighbors")
    cluster = partial(find_clusters, neighbors, config.min_cluster_size)
    clusters = yield from run_in_thread(cluster, "clustering")
    yield Progress(2, 2, "saving")
    arrays: tuple[NDArray[Any], ...] = (
        *(embeddings.image_ids, neighbors.rows, neighbors.similarities, neighbors.contents),
        *(outlierness(neighbors), clusters),
    )
    with draft(workspace.analyses) as folder:
        for name, array in zip(ARRAYS, arrays, strict=True):
            np.save(folder / f"{name}.npy", array)
        if len(clusters) > MIN_SAVED:
            catalog = open_dataset(workspace, index.made_from["dataset"]).catalog
            image_labels = read_image_labels(catalog, embeddings.image_ids)
            ranking = partial(save_rankings, folder, embeddings.vectors, neighbors, image_labels)
            yield from run_in_thread(ranking, "ranking")
        return publish(
            folder,
            kind="analysis",
            stem=f"{index.id[:MAX_STEM_LENGTH]}-quality",
            config=asdict(config),
            made_from=index.as_source,
            summary={
                "count": len(clusters),
                "num_copies": len(clusters) - len(neighbors.originals),
                "neighbors": neighbors.rows.shape[1],
                "num_clusters": int(clusters.max(initial=-1)) + 1,
                "analyze_s": time.perf_counter() - started,
            },
        )


def open_analysis(workspace: Workspace, analysis_id: str) -> Analysis:
    """Read an analysis after verifying its checksums.

    Raises:
        MissingError: It does not exist.
        DamagedArtifactError: One of its files was changed.
    """
    manifest = open_artifact(workspace.analyses, analysis_id)
    folder = workspace.analyses / analysis_id
    ids, rows, similarities, contents, scores, clusters = (
        np.load(folder / f"{name}.npy", allow_pickle=False) for name in ARRAYS
    )
    near = Neighbors(rows, similarities, contents)
    return Analysis(manifest, ids, near, scores, clusters, open_rankings(folder))


def _check_differences(embeddings: Embeddings) -> None:
    """Refuse images that no check could say anything about."""
    count = len(np.unique(first_rows(embeddings.contents)))
    if count < MIN_IMAGES:
        raise WorkbenchError(
            f"An analysis needs at least {MIN_IMAGES} different images; the index has {count}.",
            "Add images to the dataset and update the index.",
        )
    if float((embeddings.vectors @ embeddings.vectors[0]).min()) > 1 - SAME:
        raise WorkbenchError(
            "The model gives every image the same embedding, so they cannot be compared.",
            "Train the model again, or choose an index of another model.",
        )
