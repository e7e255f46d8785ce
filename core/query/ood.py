"""How similar images that the index has not seen usually are to what is in it.

A similarity of 0.7 may be much for one model and little for another. What it means is read off
images that were held out: how similar is the image that is most like each of them?

Shapes, in this file: V held-out images, K neighbors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog, Split
from core.datasets.duplicates import representatives
from core.datasets.filters import ALL_IMAGES, ImageFilter
from core.embeddings.files import Embeddings
from core.errors import WorkbenchError
from core.indexes.store import VectorStore

OOD_BELOW = 5.0
"""Percentile below which a query is like nothing in the dataset: 95 of 100 held-out images pass,
which is the usual operating point of such detectors (Liang, Li & Srikant, *Enhancing the
Reliability of Out-of-Distribution Image Detection in Neural Networks*, 2018)."""

BORDERLINE_BELOW = 20.0
"""Percentile below which a query is less like the dataset than most images are: of five held-out
ones four have a nearer image."""

MAX_HELD_OUT = 2000
"""Enough to tell percentiles apart, and searched within a second."""

MIN_HELD_OUT = 20
"""With fewer there is no fifth percentile."""

DEPTH = 16
"""Neighbors among which one is sought that is neither the image itself nor a twin of it."""

BLOCK = 256


@dataclass(frozen=True, slots=True)
class OODReference:
    """The best similarities that held-out images get."""

    best: NDArray[np.float32]
    """(V,) cosine similarities in [-1, 1], ascending."""

    held_out: str
    """Which images they are: validation, test, or all for a dataset without these splits."""

    def percentile(self, similarity: float) -> float:
        """Return the share of held-out images whose best match is less similar, 0 to 100."""
        return 100 * float(np.searchsorted(self.best, similarity)) / len(self.best)

    def is_out_of_distribution(self, similarity: float) -> bool:
        """Say whether a query whose best match is so similar is like nothing in the dataset."""
        return self.percentile(similarity) < OOD_BELOW

    def is_borderline(self, similarity: float) -> bool:
        """Say whether it is less like the dataset than most held-out images are."""
        return self.percentile(similarity) < BORDERLINE_BELOW


def build_ood_reference(
    store: VectorStore, embeddings: Embeddings, catalog: Catalog, seed: int = 0
) -> OODReference:
    """Search by held-out images, each without itself and its twins.

    Validation images are asked first; where there are too few, test images, then any.

    Args:
        store: The index that is searched.
        embeddings: That it was built from.
        catalog: Of its dataset.
        seed: Draws the images, where there are more than it takes.

    Raises:
        WorkbenchError: There are too few images to compare with.
    """
    for name, images in (
        (Split.VALIDATION, ImageFilter(splits=(Split.VALIDATION,))),
        (Split.TEST, ImageFilter(splits=(Split.TEST,))),
        ("all", ALL_IMAGES),
    ):
        rows = embeddings.rows_of(np.array(catalog.ids(images), np.int64))
        best = _best_of(store, embeddings, catalog, _drawn(rows, seed))
        if len(best) >= MIN_HELD_OUT:
            return OODReference(np.sort(best), str(name))
    raise WorkbenchError(
        f"How similar images usually are takes at least {MIN_HELD_OUT} of them.",
        "Add images to the dataset, and update the index.",
    )


def _drawn(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    if len(rows) <= MAX_HELD_OUT:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MAX_HELD_OUT, replace=False))


def _best_of(
    store: VectorStore, embeddings: Embeddings, catalog: Catalog, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the similarity of each image's best match; those that find only twins are left out."""
    best: list[float] = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        asked = embeddings.image_ids[block].tolist()
        matches = store.search(np.ascontiguousarray(embeddings.vectors[block]), DEPTH)
        ids = {int(i) for found in matches for i in found.image_ids}
        representative = representatives(catalog, ids.union(asked))
        for image_id, found in zip(asked, matches, strict=True):
            own = representative.get(image_id, image_id)
            others = (
                float(similarity)
                for other, similarity in zip(
                    found.image_ids.tolist(), found.similarities.tolist(), strict=True
                )
                if other != image_id and representative.get(other, other) != own
            )
            best += [similarity for similarity in (next(others, None),) if similarity is not None]
    return np.array(best, np.float32)
