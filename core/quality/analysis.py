"""What takes time to find, kept on disk: neighbors, outliers and clusters of an index's images.

Nothing in it depends on labels, splits or tags. What the finders list comes from it and from what
the catalog says at that moment (`lists.py`): what was put right is gone from a list at once.

Shapes, in this file: N images, K neighbors.
"""

import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, open_artifact, publish
from core.artifacts.manifests import Manifest
from core.embeddings.files import Embeddings, open_embeddings
from core.embeddings.unit_rows import check_unit_rows
from core.errors import WorkbenchError
from core.jobs.background import run_in_thread
from core.progress import Progress, Work, run_part
from core.quality.clusters import find_clusters
from core.quality.config import MIN_IMAGES, AnalysisConfig
from core.quality.neighbors import Neighbors, find_neighbors, first_rows
from core.quality.outliers import outlierness
from core.workspace import Workspace

ARRAYS = ("image_ids", "rows", "similarities", "contents", "outlierness", "clusters")
SAME = 1e-6
"""Up to this cosine distance from each other, the embeddings are one and the same."""

MAX_STEM_LENGTH = 70


@dataclass(frozen=True, slots=True)
class Analysis:
    """Findings, read from disk."""

    manifest: Manifest
    image_ids: NDArray[np.int64]
    """(N,) catalog ids, ascending: those of the embeddings."""

    neighbors: Neighbors
    outlierness: NDArray[np.float32]
    """(N,) as `outliers.outlierness` says."""

    clusters: NDArray[np.int32]
    """(N,) as `clusters.find_clusters` says."""

    @property
    def embeddings(self) -> str:
        """Id of the embeddings that were looked at."""
        return self.manifest.made_from["embeddings"]


class _Found(NamedTuple):
    neighbors: Neighbors
    clusters: NDArray[np.int32]
    seconds: float


def find(workspace: Workspace, config: AnalysisConfig) -> Work[Manifest]:
    """Look at the embeddings of an index, and save what all finders need.

    Raises:
        MissingError: The index or its embeddings are gone.
        DamagedArtifactError: Their files were changed.
        WorkbenchError: There are too few images, or the model finds all of them the same.
    """
    started = time.perf_counter()
    index = open_artifact(workspace.indexes, config.index)
    embeddings = open_embeddings(workspace, index.made_from["embeddings"])
    check_unit_rows(embeddings.vectors)
    _check_differences(embeddings)
    search = find_neighbors(embeddings.vectors, embeddings.contents, config.neighbors)
    neighbors = yield from run_part(search, 0, 2, "comparing images")
    search_clusters = partial(find_clusters, neighbors, config.min_cluster_size)
    clusters = yield from run_in_thread(search_clusters, "looking for clusters")
    yield Progress(2, 2, "saving")
    found = _Found(neighbors, clusters, time.perf_counter() - started)
    return _publish(workspace, config, index, embeddings.image_ids, found)


def open_analysis(workspace: Workspace, findings_id: str) -> Analysis:
    """Read findings, after checking their checksums.

    Raises:
        MissingError: There are none of that id.
        DamagedArtifactError: A file of theirs was changed.
    """
    manifest = open_artifact(workspace.analyses, findings_id)
    folder = workspace.analyses / findings_id
    ids, rows, similarities, contents, strangeness, clusters = (
        np.load(folder / f"{name}.npy", allow_pickle=False) for name in ARRAYS
    )
    return Analysis(manifest, ids, Neighbors(rows, similarities, contents), strangeness, clusters)


def _publish(
    workspace: Workspace,
    config: AnalysisConfig,
    index: Manifest,
    image_ids: NDArray[np.int64],
    found: _Found,
) -> Manifest:
    neighbors, clusters = found.neighbors, found.clusters
    strangeness = outlierness(neighbors)
    arrays: tuple[NDArray[Any], ...] = (
        *(image_ids, neighbors.rows, neighbors.similarities, neighbors.contents),
        *(strangeness, clusters),
    )
    with draft(workspace.analyses) as folder:
        for name, array in zip(ARRAYS, arrays, strict=True):
            np.save(folder / f"{name}.npy", array)
        return publish(
            folder,
            kind="analysis",
            stem=f"{index.id[:MAX_STEM_LENGTH]}-found",
            config=asdict(config),
            made_from=index.made_from | {"index": index.id, "index_fingerprint": index.fingerprint},
            summary={
                "count": len(clusters),
                "num_copies": len(clusters) - len(neighbors.originals),
                "neighbors": neighbors.rows.shape[1],
                "num_clusters": int(clusters.max(initial=-1)) + 1,
                "analyze_s": found.seconds,
            },
        )


def _check_differences(embeddings: Embeddings) -> None:
    """Refuse what no finder could say anything about."""
    count = len(np.unique(first_rows(embeddings.contents)))
    if count < MIN_IMAGES:
        raise WorkbenchError(
            f"Finders need at least {MIN_IMAGES} different images, and the index holds {count}.",
            "Add images to the dataset and update the index.",
        )
    if float((embeddings.vectors @ embeddings.vectors[0]).min()) > 1 - SAME:
        raise WorkbenchError(
            "The model makes the same embedding of every image, so none is like another.",
            "Train the model again, or choose an index of another one.",
        )
