"""A map whose index has had images added or taken out since: it is brought up, not drawn anew.

Shapes, in this file: N images, D embedding dimensions.
"""

from dataclasses import replace

import numpy as np

from core.embeddings.exact_search import nearest_rows
from core.embeddings.files import Embeddings
from core.maps.files import Map
from core.maps.neighbors import Neighbors, find_neighbors
from core.maps.quality import preservation
from core.progress import finish


def num_added(found: Map, embeddings: Embeddings) -> int:
    """Return how many images are embedded that were not there when the map was drawn."""
    return len(np.setdiff1d(embeddings.image_ids, found.image_ids, assume_unique=True))


def add_new_images(found: Map, embeddings: Embeddings) -> Map:
    """Place images that came since the map was drawn, and leave out those that are gone.

    All others stay where they are, even those whose content has changed. Neighbors and what is
    kept of them are those of the images as they are now.

    Args:
        found: A map of N images.
        embeddings: Of the images as they are now, by the same model in the same way.
    """
    if np.array_equal(found.image_ids, embeddings.image_ids):
        return found
    stays = np.isin(found.image_ids, embeddings.image_ids)
    old_ids = found.image_ids[stays]
    if not len(old_ids):
        return found
    is_new = ~np.isin(embeddings.image_ids, old_ids)
    points = np.empty((len(is_new), found.points.shape[1]), np.float32)
    clusters = np.empty(len(is_new), np.int32)
    points[~is_new], clusters[~is_new] = found.points[stays], found.clusters[stays]
    remaining = replace(found, points=found.points[stays])
    if is_new.any():
        vectors = np.ascontiguousarray(embeddings.vectors[is_new], np.float32)
        k = min(found.neighbors.rows.shape[1], len(old_ids))
        near = nearest_rows(embeddings.vectors[~is_new], vectors, k)
        rows, similarities = finish(near)
        neighbors = Neighbors(rows.astype(np.int32), similarities)
        points[is_new] = remaining.place(neighbors, vectors)
        clusters[is_new] = found.clusters[stays][rows[:, 0]]
    k = min(found.neighbors.rows.shape[1], len(is_new) - 1)
    neighbors = finish(find_neighbors(embeddings.vectors, k))
    return replace(
        found,
        points=points,
        image_ids=embeddings.image_ids,
        neighbors=neighbors,
        preserved=preservation(points, neighbors),
        clusters=clusters,
    )
