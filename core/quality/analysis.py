"""What takes time to find, kept on disk: neighbours, outliers and clusters of an index's images.

Nothing in it depends on labels, splits or tags. What the finders list comes from it and from what
the catalog says at that moment (`lists.py`): what was put right is gone from a list at once.

Shapes, in this file: N images, K neighbours.
"""

import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import Manifest, draft, open_artifact, publish
from core.embeddings.files import Embeddings, open_embeddings
from core.embeddings.unit_rows import check_unit_rows
from core.errors import WorkbenchError
from core.jobs.background import wait_for
from core.progress import Progress, Work, part_of
from core.quality.clusters import find_clusters
from core.quality.config import FEWEST_IMAGES, FindConfig
from core.quality.neighbors import Neighbours, find_neighbours, first_rows
from core.quality.outliers import outlierness
from core.workspace import Workspace

ARRAYS = ("image_ids", "rows", "similarities", "contents", "outlierness", "clusters")
SAME = 1e-6
"""Up to this cosine distance from each other, the embeddings are one and the same."""

LONGEST_STEM = 70


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings, read from disk."""

    manifest: Manifest
    image_ids: NDArray[np.int64]
    """(N,) catalog ids, ascending: those of the embeddings."""

    neighbours: Neighbours
    outlierness: NDArray[np.float32]
    """(N,) as `outliers.outlierness` says."""

    clusters: NDArray[np.int32]
    """(N,) as `clusters.find_clusters` says."""

    @property
    def embeddings(self) -> str:
        """Id of the embeddings that were looked at."""
        return self.manifest.made_from["embeddings"]


class _Found(NamedTuple):
    neighbours: Neighbours
    clusters: NDArray[np.int32]
    seconds: float


def find(workspace: Workspace, config: FindConfig) -> Work[Manifest]:
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
    search = find_neighbours(embeddings.vectors, embeddings.contents, config.neighbours)
    neighbours = yield from part_of(search, 0, 2, "comparing images")
    search_clusters = partial(find_clusters, neighbours, config.least_cluster)
    clusters = yield from wait_for(search_clusters, "looking for clusters")
    yield Progress(2, 2, "saving")
    found = _Found(neighbours, clusters, time.perf_counter() - started)
    return _publish(workspace, config, index, embeddings.image_ids, found)


def open_findings(workspace: Workspace, findings_id: str) -> Findings:
    """Read findings, after checking their checksums.

    Raises:
        MissingError: There are none of that id.
        DamagedArtifactError: A file of theirs was changed.
    """
    manifest = open_artifact(workspace.finders, findings_id)
    folder = workspace.finders / findings_id
    ids, rows, similarities, contents, strangeness, clusters = (
        np.load(folder / f"{name}.npy", allow_pickle=False) for name in ARRAYS
    )
    return Findings(manifest, ids, Neighbours(rows, similarities, contents), strangeness, clusters)


def _publish(
    workspace: Workspace,
    config: FindConfig,
    index: Manifest,
    image_ids: NDArray[np.int64],
    found: _Found,
) -> Manifest:
    neighbours, clusters = found.neighbours, found.clusters
    strangeness = outlierness(neighbours)
    arrays: tuple[NDArray[Any], ...] = (
        *(image_ids, neighbours.rows, neighbours.similarities, neighbours.contents),
        *(strangeness, clusters),
    )
    with draft(workspace.finders) as folder:
        for name, array in zip(ARRAYS, arrays, strict=True):
            np.save(folder / f"{name}.npy", array)
        return publish(
            folder,
            kind="finders",
            stem=f"{index.id[:LONGEST_STEM]}-found",
            config=asdict(config),
            made_from=index.made_from | {"index": index.id, "index_fingerprint": index.fingerprint},
            summary={
                "count": len(clusters),
                "num_copies": len(clusters) - len(neighbours.originals),
                "neighbours": neighbours.rows.shape[1],
                "num_clusters": int(clusters.max(initial=-1)) + 1,
                "find_s": found.seconds,
            },
        )


def _check_differences(embeddings: Embeddings) -> None:
    """Refuse what no finder could say anything about."""
    count = len(np.unique(first_rows(embeddings.contents)))
    if count < FEWEST_IMAGES:
        raise WorkbenchError(
            f"Finders need at least {FEWEST_IMAGES} different images, and the index holds {count}.",
            "Add images to the dataset and update the index.",
        )
    if float((embeddings.vectors @ embeddings.vectors[0]).min()) > 1 - SAME:
        raise WorkbenchError(
            "The model makes the same embedding of every image, so none is like another.",
            "Train the model again, or choose an index of another one.",
        )
