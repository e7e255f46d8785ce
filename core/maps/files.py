"""Maps on disk: where each indexed image lies in two or three dimensions, and how far to trust it.

Shapes, in this file: N images, D embedding dimensions, C map dimensions, K neighbors.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, open_artifact, publish
from core.artifacts.manifests import Manifest
from core.datasets.registry import open_dataset
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import WorkbenchError
from core.indexes.files import Index, open_index
from core.maps import pca, quality, tsne, umap
from core.maps.clusters import find_clusters
from core.maps.config import MIN_IMAGES, MapConfig, MapMethod
from core.maps.neighbors import Neighbors, find_neighbors
from core.maps.pca import Projection
from core.progress import Work, run_part
from core.workspace import Workspace

ARRAYS = ("points", "image_ids", "neighbors", "similarities", "preserved", "clusters")
PROJECTION = ("mean", "axes")
PARTS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """A map, read from disk."""

    manifest: Manifest
    config: MapConfig

    points: NDArray[np.float32]
    """(N, C), in map units of no meaning of their own."""

    image_ids: NDArray[np.int64]
    """(N,) catalog ids."""

    neighbors: Neighbors
    """(N, K) the true neighbors of each, in the embedding space."""

    preserved: NDArray[np.float32]
    """(N,) share in [0, 1] of the true neighbors that are among the nearest on the map."""

    clusters: NDArray[np.int32]
    """(N,) groups that lie densely together, the largest first; -1 for points between."""

    projection: Projection | None
    """How embeddings become points; only of a PCA."""

    @property
    def trustworthiness(self) -> float:
        """How seldom the map puts strangers together; see `quality.trustworthiness`."""
        return float(self.manifest.summary["trustworthiness"])

    def place(self, neighbors: Neighbors, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Place new images, and leave all others where they are.

        Args:
            neighbors: (N, K) rows of this map that are nearest to each new image.
            vectors: (N, D) float32 unit rows of the new images.

        Returns:
            (N, C) float32 in map units.
        """
        if self.projection is not None:
            return self.projection.project(vectors)
        if self.config.method == MapMethod.TSNE:
            return tsne.place(self.points, neighbors)
        return umap.place(self.points, neighbors, self.config)


def build_map(workspace: Workspace, config: MapConfig) -> Work[Manifest]:
    """Lay out the embeddings of an index in two or three dimensions, judge and save the map.

    Raises:
        MissingError: The index or its embeddings are gone.
        WorkbenchError: There are too few images, or categories should draw the map and there are
            none.
    """
    index = open_index(workspace, config.index)
    embeddings = open_embeddings(workspace, index.embeddings)
    count = len(embeddings.image_ids)
    if count < MIN_IMAGES:
        raise WorkbenchError(
            f"A map needs at least {MIN_IMAGES} images, and the index holds {count}.",
            "Add images to the dataset and build the index again.",
        )
    labels, labeled = _labels(workspace, index, embeddings, config)
    wanted = min(_num_neighbors(config, count), count - 1)
    neighbors = yield from run_part(find_neighbors(embeddings.vectors, wanted), 0, PARTS, "1 of 3")
    projection = pca.fit(embeddings.vectors, config.dimensions)
    start = projection.project(embeddings.vectors)
    layout = _lay_out(start, neighbors, config, labels)
    points = yield from run_part(layout, 1, PARTS, "2 of 3")
    k = min(quality.NEIGHBORS, (count - 1) // 2)
    judging = quality.trustworthiness(embeddings.vectors, points, k)
    trusted = yield from run_part(judging, 2, PARTS, "3 of 3")
    near = neighbors.first(quality.NEIGHBORS)
    found = Map(
        manifest=index.manifest,
        config=config,
        points=points,
        image_ids=embeddings.image_ids,
        neighbors=near,
        preserved=quality.preservation(points, near),
        clusters=find_clusters(points, config.seed),
        projection=projection if config.method == MapMethod.PCA else None,
    )
    return _publish(workspace, found, trusted, labeled)


def _lay_out(
    start: NDArray[np.float32],
    neighbors: Neighbors,
    config: MapConfig,
    labels: NDArray[np.int64],
) -> Work[NDArray[np.float32]]:
    if config.method == MapMethod.UMAP:
        return (yield from umap.lay_out(umap.spread(start), neighbors, config, labels))
    if config.method == MapMethod.TSNE:
        return (yield from tsne.lay_out(start, neighbors, config))
    return start


def _publish(workspace: Workspace, found: Map, trusted: float, labeled: dict[str, str]) -> Manifest:
    """Save a map whose manifest is still its index's."""
    index = found.manifest
    arrays: dict[str, NDArray[Any]] = {
        "points": found.points,
        "image_ids": found.image_ids,
        "neighbors": found.neighbors.rows,
        "similarities": found.neighbors.similarities,
        "preserved": found.preserved,
        "clusters": found.clusters,
    }
    summary = {
        "count": len(found.points),
        "trustworthiness": trusted,
        "preserved": float(found.preserved.mean()),
        "num_clusters": int(found.clusters.max()) + 1,
        "encoding": index.summary.get("encoding", {}),
    }
    if found.projection is not None:
        arrays |= {"mean": found.projection.mean, "axes": found.projection.axes}
        summary["explained"] = found.projection.explained
    with draft(workspace.maps) as folder:
        for name, values in arrays.items():
            np.save(folder / f"{name}.npy", values)
        return publish(
            folder,
            kind="map",
            stem=f"{index.id[:70]}-{found.config.method}",
            config=asdict(found.config),
            made_from=index.made_from
            | labeled
            | {"index": index.id, "index_fingerprint": index.fingerprint},
            summary=summary,
        )


def open_map(workspace: Workspace, map_id: str) -> Map:
    """Read a map, after checking its checksums.

    Raises:
        MissingError: There is no such map.
        DamagedArtifactError: A file of it was changed.
        WorkbenchError: It was drawn by an earlier version that kept less.
    """
    manifest = open_artifact(workspace.maps, map_id)
    if not {f"{name}.npy" for name in ARRAYS} <= manifest.files.keys():
        raise WorkbenchError(
            f"The map {map_id} was drawn by an earlier version, which kept less.",
            "Draw it anew.",
        )
    folder = workspace.maps / map_id
    arrays = {name: _load(folder, name) for name in ARRAYS}
    config = MapConfig(**manifest.config)
    projection = None
    if config.method == MapMethod.PCA:
        mean, axes = (_load(folder, name) for name in PROJECTION)
        projection = Projection(mean, axes, float(manifest.summary["explained"]))
    near = Neighbors(arrays.pop("neighbors"), arrays.pop("similarities"))
    return Map(manifest=manifest, config=config, neighbors=near, projection=projection, **arrays)


def _load(folder: Path, name: str) -> NDArray[Any]:
    values: NDArray[Any] = np.load(folder / f"{name}.npy", allow_pickle=False)
    return values


def _num_neighbors(config: MapConfig, count: int) -> int:
    """Return how many neighbors layout and judgement need."""
    wanted = {
        MapMethod.UMAP: config.neighbors - 1,
        MapMethod.TSNE: tsne.num_neighbors(config.perplexity, count),
        MapMethod.PCA: 0,
    }
    return max(wanted[config.method], quality.NEIGHBORS)


def _labels(
    workspace: Workspace, index: Index, embeddings: Embeddings, config: MapConfig
) -> tuple[NDArray[np.int64], dict[str, str]]:
    """Return the (N,) categories that draw the map, and what it then depends on besides."""
    labels = np.full(len(embeddings.image_ids), umap.NO_LABEL, np.int64)
    if config.method != MapMethod.UMAP or not config.supervision:
        return labels, {}
    catalog = open_dataset(workspace, index.dataset).catalog
    rows = catalog.rows_by_id(embeddings.image_ids.tolist())
    named = [rows[i].label if i in rows else None for i in embeddings.image_ids.tolist()]
    numbers = {name: number for number, name in enumerate(sorted({n for n in named if n}))}
    if not numbers:
        raise WorkbenchError(
            "Categories cannot draw the map, for the dataset has none.",
            "Set supervision to 0, or label the images.",
        )
    labels[:] = [numbers.get(name or "", umap.NO_LABEL) for name in named]
    return labels, {"dataset_fingerprint": catalog.fingerprint}
