"""Maps on disk: the layout of an index's images, its quality, neighbors and clusters.

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
from core.indexes.neighbors import Neighbors, find_neighbors
from core.maps import pca, quality, tsne, umap
from core.maps.clusters import find_clusters
from core.maps.config import MIN_IMAGES, MapConfig, MapMethod
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
    """(N, C) float32, in map units."""

    image_ids: NDArray[np.int64]
    """(N,) catalog ids."""

    neighbors: Neighbors
    """(N, K) nearest neighbors in the embedding space."""

    preserved: NDArray[np.float32]
    """(N,) neighborhood preservation in [0, 1], see `quality.preservation`."""

    clusters: NDArray[np.int32]
    """(N,) cluster numbers, 0 for the largest; -1 outside all clusters."""

    projection: Projection | None
    """The projection of a PCA map; None for other methods."""

    @property
    def trustworthiness(self) -> float:
        """Trustworthiness in [0, 1], see `quality.trustworthiness`."""
        return float(self.manifest.summary["trustworthiness"])

    @property
    def mean_preservation(self) -> float:
        """Mean neighborhood preservation in [0, 1]."""
        return float(self.preserved.mean())

    def place(self, neighbors: Neighbors, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the (N, C) float32 positions of new images; the images of the map do not move.

        Args:
            neighbors: (N, K) rows of this map nearest to each new image.
            vectors: (N, D) float32 unit rows of the new images.
        """
        if self.projection is not None:
            return self.projection.project(vectors)
        if self.config.method == MapMethod.TSNE:
            return tsne.place(self.points, neighbors)
        return umap.place(self.points, neighbors, self.config)


def build_map(workspace: Workspace, config: MapConfig) -> Work[Manifest]:
    """Lay out the embeddings of an index, measure the quality of the map and publish it.

    Raises:
        MissingError: The index or its embeddings do not exist.
        WorkbenchError: There are too few images, or no labels for a supervised layout.
    """
    index = open_index(workspace, config.index)
    embeddings = open_embeddings(workspace, index.embeddings)
    count = len(embeddings.image_ids)
    if count < MIN_IMAGES:
        raise WorkbenchError(
            f"A map needs at least {MIN_IMAGES} images, and the index holds {count}.",
            "Add images to the dataset and build the index again.",
        )
    labels, made_from = _labels(workspace, index, embeddings, config)
    num_neighbors = min(_num_neighbors(config, count), count - 1)
    search = find_neighbors(embeddings.vectors, num_neighbors)
    neighbors = yield from run_part(search, 0, PARTS, "1 of 3")
    projection = pca.fit(embeddings.vectors, config.dimensions)
    start = projection.project(embeddings.vectors)
    layout = _lay_out(start, neighbors, config, labels)
    points = yield from run_part(layout, 1, PARTS, "2 of 3")
    k = min(quality.NEIGHBORS, (count - 1) // 2)
    measuring = quality.trustworthiness(embeddings.vectors, points, k)
    trustworthiness = yield from run_part(measuring, 2, PARTS, "3 of 3")
    near = neighbors.first(quality.NEIGHBORS)
    arrays: dict[str, NDArray[Any]] = {
        "points": points,
        "image_ids": embeddings.image_ids,
        "neighbors": near.rows,
        "similarities": near.similarities,
        "preserved": quality.preservation(points, near),
        "clusters": find_clusters(points, config.seed),
    }
    summary = {"trustworthiness": trustworthiness}
    if config.method == MapMethod.PCA:
        arrays |= {"mean": projection.mean, "axes": projection.axes}
        summary["explained"] = projection.explained
    return _publish(workspace, index.manifest, config, arrays, summary, made_from)


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


def _publish(
    workspace: Workspace,
    index: Manifest,
    config: MapConfig,
    arrays: dict[str, NDArray[Any]],
    summary: dict[str, float],
    made_from: dict[str, str],
) -> Manifest:
    with draft(workspace.maps) as folder:
        for name, values in arrays.items():
            np.save(folder / f"{name}.npy", values)
        return publish(
            folder,
            kind="map",
            stem=f"{index.id[:70]}-{config.method}",
            config=asdict(config),
            made_from=index.as_source | made_from,
            summary={
                "count": len(arrays["points"]),
                "preserved": float(arrays["preserved"].mean()),
                "num_clusters": int(arrays["clusters"].max()) + 1,
                "encoding": index.summary.get("encoding", {}),
                **summary,
            },
        )


def open_map(workspace: Workspace, map_id: str) -> Map:
    """Read a map after verifying its checksums.

    Raises:
        MissingError: The map does not exist.
        DamagedArtifactError: One of its files was changed.
        WorkbenchError: An earlier version made it, which saved fewer files.
    """
    manifest = open_artifact(workspace.maps, map_id)
    if not {f"{name}.npy" for name in ARRAYS} <= manifest.files.keys():
        raise WorkbenchError(
            f"The map {map_id} of an earlier version lacks some files.",
            "Create it again.",
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
    """Return the number of neighbors for the layout and the quality of the map."""
    of_layout = {
        MapMethod.UMAP: config.neighbors - 1,
        MapMethod.TSNE: tsne.num_neighbors(config.perplexity, count),
        MapMethod.PCA: 0,
    }
    return max(of_layout[config.method], quality.NEIGHBORS)


def _labels(
    workspace: Workspace, index: Index, embeddings: Embeddings, config: MapConfig
) -> tuple[NDArray[np.int64], dict[str, str]]:
    """Return (N,) class numbers for a supervised layout, and the lineage that they add."""
    labels = np.full(len(embeddings.image_ids), umap.NO_LABEL, np.int64)
    if config.method != MapMethod.UMAP or not config.supervision:
        return labels, {}
    catalog = open_dataset(workspace, index.dataset).catalog
    rows = catalog.rows_by_id(embeddings.image_ids.tolist())
    names = [rows[i].label if i in rows else None for i in embeddings.image_ids.tolist()]
    numbers = {name: number for number, name in enumerate(sorted({n for n in names if n}))}
    if not numbers:
        raise WorkbenchError(
            "A supervised layout needs classes, and the dataset has none.",
            "Set supervision to 0, or label the images.",
        )
    labels[:] = [numbers.get(name or "", umap.NO_LABEL) for name in names]
    return labels, {"dataset_fingerprint": catalog.fingerprint}
