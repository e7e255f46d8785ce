"""UMAP maps: where each indexed image lies in two dimensions.

Shapes, in this file: N images, D embedding dimensions, K neighbours.
"""

import warnings
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from core.artifacts import Manifest, draft, open_artifact, publish
from core.errors import WorkbenchError
from core.maps.config import FEWEST_IMAGES, MapConfig
from core.progress import Progress, Work
from core.vectors.building import build
from core.vectors.config import IndexConfig
from core.vectors.embeddings import Embeddings, open_embeddings
from core.vectors.indexes import open_index
from core.workspace import Workspace

POINTS = "points.npy"
IMAGE_IDS = "image_ids.npy"
SEARCH_BATCH = 1024


@dataclass(frozen=True, slots=True)
class Map:
    """A map, read from disk."""

    manifest: Manifest
    points: NDArray[np.float32]
    """(N, 2), in map units of no meaning of their own."""

    image_ids: NDArray[np.int64]
    """(N,) catalog ids."""


def build_map(workspace: Workspace, config: MapConfig) -> Work[Manifest]:
    """Lay out the embeddings of an index in two dimensions and save the map.

    Raises:
        MissingError: The index or its embeddings are gone.
        WorkbenchError: There are too few images.
    """
    index = open_index(workspace, config.index)
    embeddings = open_embeddings(workspace, index.embeddings)
    count = len(embeddings.image_ids)
    if count < FEWEST_IMAGES:
        raise WorkbenchError(
            f"A map needs at least {FEWEST_IMAGES} images, and the index holds {count}.",
            "Add images to the dataset and build the index again.",
        )
    neighbours = min(config.neighbours, count - 1)
    ids, distances = yield from _nearest(embeddings, neighbours)
    yield Progress(count, 2 * count, "laying out the map (a first one compiles for half a minute)")
    points = _layout(embeddings.vectors, ids, distances, config, neighbours)
    with draft(workspace.maps) as folder:
        np.save(folder / POINTS, points)
        np.save(folder / IMAGE_IDS, embeddings.image_ids)
        return publish(
            folder,
            kind="map",
            stem=f"{index.manifest.id[:70]}-umap",
            config=asdict(config),
            made_from=index.manifest.made_from
            | {"index": index.manifest.id, "index_fingerprint": index.manifest.fingerprint},
            summary={"count": count, "neighbours": neighbours},
        )


def open_map(workspace: Workspace, map_id: str) -> Map:
    """Read a map, after checking its checksums.

    Raises:
        MissingError: There is no such map.
        DamagedArtifactError: A file of it was changed.
    """
    manifest = open_artifact(workspace.maps, map_id)
    folder = workspace.maps / map_id
    return Map(
        manifest,
        np.load(folder / POINTS, allow_pickle=False),
        np.load(folder / IMAGE_IDS, allow_pickle=False),
    )


def _nearest(
    embeddings: Embeddings, neighbours: int
) -> Work[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Find each image's (N, K) nearest rows, itself first, and their cosine distances."""
    vectors = embeddings.vectors
    count = len(vectors)
    rows = np.arange(count, dtype=np.int64)
    flat = yield from build(vectors, rows, IndexConfig())
    ids = np.empty((count, neighbours), np.int64)
    distances = np.empty((count, neighbours), np.float32)
    for start in range(0, count, SEARCH_BATCH):
        block = np.ascontiguousarray(vectors[start : start + SEARCH_BATCH])
        for place, found in enumerate(flat.search(block, neighbours), start):
            # Twins tie with the image itself, and UMAP wants it first in its own row
            others = found.image_ids[found.image_ids != place][: neighbours - 1]
            near = found.similarities[found.image_ids != place][: neighbours - 1]
            ids[place] = [place, *others]
            distances[place] = [0.0, *np.clip(1 - near, 0, 2)]
        yield Progress(min(start + SEARCH_BATCH, count), 2 * count, "finding neighbours")
    return ids, distances


def _layout(
    vectors: NDArray[np.float32],
    ids: NDArray[np.int64],
    distances: NDArray[np.float32],
    config: MapConfig,
    neighbours: int,
) -> NDArray[np.float32]:
    import umap  # Compiles for seconds when first imported

    reducer = umap.UMAP(
        n_neighbors=neighbours,
        min_dist=config.min_dist,
        metric="cosine",
        random_state=config.seed,
        n_jobs=1,
        precomputed_knn=(ids, distances),
        # The spectral start fails on sets that are hardly larger than its eigenvectors
        init="spectral" if len(vectors) > 4 * neighbours else "random",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Disconnected points, and no transform later
        points: NDArray[np.float32] = reducer.fit_transform(vectors).astype(np.float32)
    return points
