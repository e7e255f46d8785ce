"""Near-duplicates by embedding similarity.

Exact copies and near-duplicates by perceptual hash are found by `core/datasets/duplicates.py`,
whose groups are used here too.

Shapes, in this file: N images, U different contents.
"""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.datasets.catalog import Catalog
from core.datasets.duplicates import (
    Group,
    Kind,
    group_duplicates,
    read_duplicates,
    representatives,
    severity,
)
from core.quality.config import MIN_THRESHOLD
from core.quality.neighbors import Neighbors

NEAR_SHARE = 0.13
"""Share of the median distance to the nearest neighbor, see `default_threshold`."""


def default_threshold(neighbors: Neighbors) -> float:
    """Return the cosine similarity from which on two images are near-duplicates by default.

    Models spread their embeddings differently, so it depends on the images: near-duplicates are at
    most 0.13 times as far apart as the median image is from its nearest neighbor. Rule and value
    are those of cleanlab's Datalab (*near_duplicate*). Measured on Caltech-101, as images that
    groups of near-duplicates would exclude:

    - EfficientNet-Lite0 with a trained head: 97 at 0.984 (188 at a fixed 0.98);
    - the same backbone with PCA: 63 at 0.967 (10);
    - a ResNet-18 without training: 6 at 0.998 (7,205 of 8,677).

    Of the 120 pairs with similar perceptual hashes it keeps 57, 71 and 70.
    """
    distances = 1 - nearest_similarities(neighbors)
    return float(1 - NEAR_SHARE * np.median(distances))


def nearest_similarities(neighbors: Neighbors) -> NDArray[np.float32]:
    """Return (U,) the cosine similarity of each different content to its nearest neighbor."""
    nearest: NDArray[np.float32] = neighbors.similarities[neighbors.originals, 0]
    return nearest


def group_near_duplicates(
    neighbors: Neighbors,
    image_ids: NDArray[np.int64],
    usable: NDArray[np.bool_],
    catalog: Catalog,
    threshold: float,
) -> list[Group]:
    """Group copies and near-duplicates, the most harmful groups first.

    Images are near-duplicates if the cosine similarity of their embeddings reaches the threshold;
    in a group, each is a near-duplicate of the group's representative. The kind of a group tells
    how it was found: the same bytes, the same perceptual hash, or the embeddings alone.

    Args:
        neighbors: Of the images.
        image_ids: (N,) their catalog ids.
        usable: (N,) which images to group.
        catalog: Has their labels, splits, sizes and hashes.
        threshold: Cosine similarity in [0.5, 1].

    Raises:
        ValueError: The threshold is out of range.
    """
    if not MIN_THRESHOLD <= threshold <= 1:
        raise ValueError(f"threshold must be in {MIN_THRESHOLD}..1, got {threshold}")
    representative_of, lowest = link(neighbors, usable, threshold)
    members: dict[int, list[int]] = defaultdict(list)
    sizes = np.bincount(representative_of, minlength=len(usable))
    for row in np.flatnonzero(usable & (sizes[representative_of] > 1)).tolist():
        members[int(representative_of[row])].append(row)
    ids = image_ids.tolist()
    grouped = [ids[row] for rows in members.values() for row in rows]
    by_id, by_hash = read_duplicates(catalog, grouped), representatives(catalog, grouped)
    groups = []
    for representative, rows in members.items():
        here = [ids[row] for row in rows if ids[row] in by_id]
        if len(here) > 1:
            contents = {by_id[image_id].sha256 for image_id in here}
            hashes = {by_hash[image_id] for image_id in here}
            kind = Kind.EXACT if len(contents) == 1 else Kind.NEAR
            kind = kind if len(hashes) == 1 or kind == Kind.EXACT else Kind.MODEL
            similarity = float(lowest[representative])
            groups.append(group_duplicates(kind, (by_id[i] for i in here), 0, similarity))
    return sorted(groups, key=severity)


def link(
    neighbors: Neighbors, usable: NDArray[np.bool_], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Assign images to representatives, the most similar images first, each image once.

    Connected components would instead chain hundreds of images of a class together, although the
    first and the last of them are not similar.

    Returns:
        (N,) the row of each image's representative, its own without one; and (N,) at the row of a
        representative the lowest similarity of its images to it, 1 if they are all copies of it.
    """
    contents, count = neighbors.contents, len(usable)
    included = np.zeros(count, np.bool_)
    included[contents[usable]] = True  # A content is included if one of its copies is usable
    linked = (neighbors.similarities >= threshold) & included[neighbors.rows] & included[:, None]
    first, place = np.nonzero(linked)
    ends = first, neighbors.rows[first, place]
    links = sparse.csr_array((neighbors.similarities[first, place], ends), shape=(count, count))
    links = links.maximum(links.T).tocsr()
    representative_of, lowest = np.arange(count, dtype=np.int64), np.ones(count, np.float32)
    assigned = np.zeros(count, np.bool_)
    strongest = links.max(axis=1).toarray().ravel()
    linked_rows = np.flatnonzero(strongest)
    for row in linked_rows[np.argsort(-strongest[linked_rows], kind="stable")].tolist():
        if assigned[row]:
            continue
        near = slice(links.indptr[row], links.indptr[row + 1])
        free = ~assigned[links.indices[near]]
        members = links.indices[near][free]
        assigned[row], assigned[members], representative_of[members] = True, True, row
        lowest[row] = links.data[near][free].min(initial=1)
    return representative_of[contents], lowest
