"""Out-of-distribution reference: the top-1 similarities of held-out images.

A similarity of 0.7 may be high for one model and low for another. What it means follows from
images that were held out of the search: how similar is the nearest other image to each of them?

Shapes, in this file: V held-out images, K neighbors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import Catalog
from core.datasets.coded import read_ids
from core.datasets.columns import ALL_IMAGES, ImageFilter, Split
from core.datasets.duplicates import representatives
from core.errors import WorkbenchError
from core.indexes.store import Matches, VectorStore

if TYPE_CHECKING:
    from core.embeddings.files import Embeddings

OOD_BELOW = 5.0
"""Percentile below which a query is out of distribution: 95 % of held-out images pass, the usual
operating point of such detectors (Liang, Li & Srikant, *Enhancing the Reliability of
Out-of-Distribution Image Detection in Neural Networks*, 2018)."""

BORDERLINE_BELOW = 20.0
"""Percentile below which a query is borderline: 80 % of held-out images have a nearer image."""

MAX_HELD_OUT = 2000
"""Enough to tell percentiles apart, and searched within a second."""

MIN_HELD_OUT = 20
"""With fewer there is no fifth percentile."""

DEPTH = 16
"""Neighbors searched for one that is neither the image itself nor a duplicate of it."""

BLOCK = 256


@dataclass(frozen=True, slots=True)
class OODReference:
    """The top-1 similarities of held-out images."""

    best: NDArray[np.float32]
    """(V,) cosine similarities in [-1, 1], ascending."""

    held_out: str
    """Which images they are: validation, test, or all for a dataset without these splits."""

    def compare(self, similarity: float) -> "OutOfDistribution":
        """Compare the top-1 similarity of a query with those of the held-out images."""
        percentile = 100 * float(np.searchsorted(self.best, similarity)) / len(self.best)
        median = float(np.median(self.best))
        return OutOfDistribution(similarity, percentile, self.held_out, median)


@dataclass(frozen=True, slots=True)
class OutOfDistribution:
    """How the top-1 similarity of a query compares with that of held-out images."""

    similarity: float
    """Cosine similarity of the nearest image, in [-1, 1]."""

    percentile: float
    """Share of held-out images with a lower top-1 similarity, 0 to 100."""

    held_out: str
    """Which images were held out: validation, test, or all."""

    median: float
    """Median of their top-1 similarities, in [-1, 1]."""

    @property
    def is_out_of_distribution(self) -> bool:
        """Whether the query is unlike the dataset."""
        return self.percentile < OOD_BELOW

    @property
    def is_borderline(self) -> bool:
        """Whether the query is less similar than most images are."""
        return self.percentile < BORDERLINE_BELOW


def build_ood_reference(
    store: VectorStore, embeddings: "Embeddings", catalog: Catalog, seed: int = 0
) -> OODReference:
    """Search by held-out images, each without itself and its duplicates.

    Validation images are used first; if there are too few, test images, then all. Of more than
    `MAX_HELD_OUT` a sample is used. `embeddings` are those that the index was built from.

    Raises:
        WorkbenchError: There are too few images to compare with.
    """
    for name, images in (
        (Split.VALIDATION, ImageFilter(splits=(Split.VALIDATION,))),
        (Split.TEST, ImageFilter(splits=(Split.TEST,))),
        ("all", ALL_IMAGES),
    ):
        rows = embeddings.rows_of(read_ids(catalog, images))
        best = _best_similarities(store, embeddings, catalog, _sample(rows, seed))
        if len(best) >= MIN_HELD_OUT:
            return OODReference(np.sort(best), str(name))
    raise WorkbenchError(
        f"An out-of-distribution score needs at least {MIN_HELD_OUT} images.",
        "Add images to the dataset and update the index.",
    )


def _sample(rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    if len(rows) <= MAX_HELD_OUT:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, MAX_HELD_OUT, replace=False))


def _best_similarities(
    store: VectorStore, embeddings: "Embeddings", catalog: Catalog, rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the similarity of each image's nearest image that is no duplicate, if there is one."""
    best: list[float] = []
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        queries = embeddings.image_ids[block].tolist()
        results = store.search(np.ascontiguousarray(embeddings.vectors[block]), DEPTH)
        ids = {int(i) for matches in results for i in matches.image_ids}
        groups = representatives(catalog, ids.union(queries))
        for image_id, matches in zip(queries, results, strict=True):
            best += [*_others(image_id, matches, groups)][:1]
    return np.array(best, np.float32)


def _others(image_id: int, matches: Matches, groups: Mapping[int, int]) -> Iterator[float]:
    """Yield the similarities of the matches that are not the image or a duplicate, best first."""
    own = groups.get(image_id, image_id)
    for other, similarity in zip(
        matches.image_ids.tolist(), matches.similarities.tolist(), strict=True
    ):
        if other != image_id and groups.get(other, other) != own:
            yield float(similarity)
