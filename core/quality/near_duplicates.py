"""Near-duplicates by embedding: other files that a model finds nearly the same; and leaks.

Exact copies and look-alikes by perceptual hash are the business of `core/datasets/duplicates.py`,
whose groups these are, too.

Shapes, in this file: N images.
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


def group_near_duplicates(
    neighbors: Neighbors,
    image_ids: NDArray[np.int64],
    usable: NDArray[np.bool_],
    catalog: Catalog,
    threshold: float,
) -> list[Group]:
    """Return groups of images that are copies or alike, the most harmful first.

    Two images are alike whose embeddings are as similar as the threshold; each image of a group is
    alike to the one that leads it. Its kind says how they are known to be so: the same bytes, a
    perceptual hash in common, or only to the model.

    Args:
        neighbors: Of the images.
        image_ids: (N,) their catalog ids.
        usable: (N,) which of them are in use.
        catalog: Says their labels, splits, sizes and hashes.
        threshold: Cosine similarity in [0.5, 1].

    Raises:
        ValueError: The threshold is out of range.
    """
    if not MIN_THRESHOLD <= threshold <= 1:
        raise ValueError(f"threshold must be in {MIN_THRESHOLD}..1, got {threshold}")
    heads, least = link(neighbors, usable, threshold)
    members: dict[int, list[int]] = defaultdict(list)
    sizes = np.bincount(heads, minlength=len(heads))
    for row in np.flatnonzero(usable & (sizes[heads] > 1)).tolist():
        members[int(heads[row])].append(row)
    ids = image_ids.tolist()
    listed = [ids[row] for rows in members.values() for row in rows]
    by_id, representative = read_duplicates(catalog, listed), representatives(catalog, listed)
    groups = []
    for head, rows in members.items():
        here = [ids[row] for row in rows if ids[row] in by_id]
        if len(here) > 1:
            contents = {by_id[image_id].sha256 for image_id in here}
            hashes = {representative[image_id] for image_id in here}
            kind = Kind.EXACT if len(contents) == 1 else Kind.NEAR
            kind = kind if len(hashes) == 1 or kind == Kind.EXACT else Kind.MODEL
            groups.append(group_duplicates(kind, (by_id[i] for i in here), 0, float(least[head])))
    return sorted(groups, key=severity)


def link(
    neighbors: Neighbors, usable: NDArray[np.bool_], threshold: float
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Gather images around leaders, those that are most alike first, each image once.

    Were groups all that is linked through others, a chain would tie hundreds of images of a class
    together, the first of which is not like the last.

    Returns:
        (N,) the row of each image's leader, its own where it has none; and (N,) at a leader's row
        the least similarity of its images to it, 1 where only copies are with it.
    """
    contents, count = neighbors.contents, len(usable)
    in_use = np.zeros(count, np.bool_)
    in_use[contents[usable]] = True  # A content is in use if one of its copies is
    linked = (neighbors.similarities >= threshold) & in_use[neighbors.rows] & in_use[:, None]
    first, place = np.nonzero(linked)
    ends = first, neighbors.rows[first, place]
    links = sparse.csr_array((neighbors.similarities[first, place], ends), shape=(count, count))
    links = links.maximum(links.T).tocsr()
    heads, least = np.arange(count, dtype=np.int64), np.ones(count, np.float32)
    taken = np.zeros(count, np.bool_)
    strongest = links.max(axis=1).toarray().ravel()
    linked_rows = np.flatnonzero(strongest)
    for row in linked_rows[np.argsort(-strongest[linked_rows], kind="stable")].tolist():
        if taken[row]:
            continue
        near = slice(links.indptr[row], links.indptr[row + 1])
        free = ~taken[links.indices[near]]
        joining = links.indices[near][free]
        taken[row], taken[joining], heads[joining] = True, True, row
        least[row] = links.data[near][free].min(initial=1)
    return heads[contents], least
