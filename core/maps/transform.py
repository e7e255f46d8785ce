"""New images and queries on a map: update with its index, and placement of a vector.

The images that are on the map do not move.

Shapes, in this file: N images, D embedding dimensions, C map dimensions.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.embeddings.exact_search import nearest_rows
from core.embeddings.files import Embeddings
from core.indexes.neighbors import Neighbors, find_neighbors
from core.indexes.store import VectorStore
from core.maps.files import Map
from core.maps.quality import preservation
from core.progress import finish


def num_added(old: Map, embeddings: Embeddings) -> int:
    """Return the number of embedded images that are not on a map."""
    return len(np.setdiff1d(embeddings.image_ids, old.image_ids, assume_unique=True))


def update_map(old: Map, embeddings: Embeddings) -> Map:
    """Return a map with new images placed and removed images left out.

    Other images do not move, even if their content has changed. Neighbors and neighborhood
    preservation are computed from the current embeddings, by the same model and settings.
    """
    if np.array_equal(old.image_ids, embeddings.image_ids):
        return old
    remains = np.isin(old.image_ids, embeddings.image_ids)
    old_ids = old.image_ids[remains]
    if not len(old_ids):
        return old
    is_new = ~np.isin(embeddings.image_ids, old_ids)
    points = np.empty((len(is_new), old.points.shape[1]), np.float32)
    clusters = np.empty(len(is_new), np.int32)
    points[~is_new], clusters[~is_new] = old.points[remains], old.clusters[remains]
    remaining = replace(old, points=old.points[remains])
    if is_new.any():
        vectors = np.ascontiguousarray(embeddings.vectors[is_new], np.float32)
        k = min(old.neighbors.rows.shape[1], len(old_ids))
        near = nearest_rows(embeddings.vectors[~is_new], vectors, k)
        rows, similarities = finish(near)
        neighbors = Neighbors(rows.astype(np.int32), similarities)
        points[is_new] = remaining.place(neighbors, vectors)
        clusters[is_new] = old.clusters[remains][rows[:, 0]]
    k = min(old.neighbors.rows.shape[1], len(is_new) - 1)
    neighbors = finish(find_neighbors(embeddings.vectors, k))
    return replace(
        old,
        points=points,
        image_ids=embeddings.image_ids,
        neighbors=neighbors,
        preserved=preservation(points, neighbors),
        clusters=clusters,
    )


def place_vector(
    shown: Map, store: VectorStore, vector: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the (C,) position of a (D,) unit row on a map, in map units, by the map's index."""
    [matches] = store.search(vector[None], shown.neighbors.rows.shape[1])
    is_shown = np.isin(matches.image_ids, shown.image_ids)
    rows = np.searchsorted(shown.image_ids, matches.image_ids[is_shown]).astype(np.int32)
    neighbors = Neighbors(rows[None], matches.similarities[None, is_shown])
    [position] = shown.place(neighbors, vector[None])
    return np.asarray(position, np.float32)
