"""Retrieval task: the queries and the gallery of an evaluation, selected from the catalog.

Shapes, in this file: N embedded images, Q queries, G gallery images.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.columns import ImageFilter, ImageRow
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.evaluation.config import Gallery, Protocol

GALLERY_NAMES = {
    Gallery.TRAIN: "the train split",
    Gallery.TRAIN_AND_VALIDATION: "the train and validation splits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalTask:
    """The queries with at least one relevant image, and the gallery."""

    classes: list[str]
    """Names of the classes, sorted; class numbers are places in it."""

    queries: list[ImageRow]
    query_classes: NDArray[np.int64]
    """(Q,) class numbers."""

    num_relevant: NDArray[np.int64]
    """(Q,) number of gallery images of the query's class that are not copies of it, at least 1."""

    query_contents: NDArray[np.int64]
    """(Q,) numbers of the file contents."""

    gallery_ids: NDArray[np.int64]
    """(G,) catalog ids, ascending."""

    gallery_classes: NDArray[np.int64]
    """(G,) class numbers."""

    gallery_contents: NDArray[np.int64]
    """(G,) numbers of the file contents."""

    max_copies: int
    """Most gallery images with the content of one query; a search needs as many ranks beyond k."""

    num_copies: int
    """Number of ignored pairs of a query and a gallery image with the same content."""

    skipped: dict[str, int]
    """Class → number of its queries that were left out because no gallery image is relevant."""

    @property
    def query_ids(self) -> NDArray[np.int64]:
        """(Q,) catalog ids."""
        return np.array([row.id for row in self.queries], np.int64)


def make_task(dataset: Dataset, protocol: Protocol, embedded: NDArray[np.int64]) -> RetrievalTask:
    """Select the queries and the gallery of an evaluation by its splits.

    Gallery images with the content of a query, such as its own image, are ignored for that query.
    `embedded` are the (N,) catalog ids of the embedded images.

    Raises:
        WorkbenchError: Nothing can be evaluated; the message tells why.
    """
    has_embedding = set(embedded.tolist())
    gallery = _labeled(dataset, tuple(protocol.gallery.splits))
    queries = _labeled(dataset, (protocol.queries,))
    if not (gallery and queries):
        raise _nothing(dataset, protocol, has_queries=bool(queries))
    gallery = [row for row in gallery if row.id in has_embedding]
    queries = [row for row in queries if row.id in has_embedding]
    if not (gallery and queries):
        raise WorkbenchError(
            "There is nothing to evaluate: no query or no gallery image is embedded.",
            "Embed all images of the dataset, then evaluate those embeddings.",
        )
    task = _make_task(gallery, queries)
    _refuse_trivial(task)
    return task


def _labeled(dataset: Dataset, splits: tuple[str, ...]) -> list[ImageRow]:
    rows = dataset.catalog.rows(ImageFilter(splits=splits))
    return sorted((row for row in rows if row.label is not None), key=lambda row: row.id)


def _make_task(gallery: list[ImageRow], candidates: list[ImageRow]) -> RetrievalTask:
    """Count the relevant images of each candidate query, and leave out queries without any."""
    per_class = Counter(row.label for row in gallery)
    per_content = Counter(row.sha256 for row in gallery)
    per_both = Counter((row.sha256, row.label) for row in gallery)
    relevant = [per_class[row.label] - per_both[row.sha256, row.label] for row in candidates]
    queries = [row for row, count in zip(candidates, relevant, strict=True) if count > 0]
    copies = [per_content[row.sha256] for row in queries]
    classes = sorted({str(row.label) for row in (*gallery, *candidates)})
    numbers = {label: number for number, label in enumerate(classes)}
    contents = {sha256: n for n, sha256 in enumerate({row.sha256 for row in (*gallery, *queries)})}
    skipped = Counter(
        str(row.label) for row, count in zip(candidates, relevant, strict=True) if count <= 0
    )
    return RetrievalTask(
        classes=classes,
        queries=queries,
        query_classes=np.array([numbers[str(row.label)] for row in queries], np.int64),
        num_relevant=np.array([count for count in relevant if count > 0], np.int64),
        query_contents=np.array([contents[row.sha256] for row in queries], np.int64),
        gallery_ids=np.array([row.id for row in gallery], np.int64),
        gallery_classes=np.array([numbers[str(row.label)] for row in gallery], np.int64),
        gallery_contents=np.array([contents[row.sha256] for row in gallery], np.int64),
        max_copies=max(copies, default=0),
        num_copies=sum(copies),
        skipped=dict(sorted(skipped.items())),
    )


def _nothing(dataset: Dataset, protocol: Protocol, *, has_queries: bool) -> WorkbenchError:
    if not dataset.catalog.labels():
        return WorkbenchError(
            f"There is nothing to evaluate: no usable image of “{dataset.name}” has a class.",
            "Label the images by their folders or on the Datasets page.",
        )
    if not has_queries:
        return WorkbenchError(
            f"There is nothing to evaluate: no usable image of “{dataset.name}” with a class is "
            f"in the {protocol.queries} split.",
            "Move images there or include excluded ones on the Datasets page, or choose another "
            "query split.",
        )
    return WorkbenchError(
        f"There is nothing to evaluate: no usable image of “{dataset.name}” with a class is in "
        f"{GALLERY_NAMES[protocol.gallery]}, so the gallery is empty.",
        "Move images there or include excluded ones on the Datasets page.",
    )


def _refuse_trivial(task: RetrievalTask) -> None:
    """Refuse a task without queries, or with a gallery of a single class."""
    if not task.queries:
        raise WorkbenchError(
            "There is nothing to evaluate: the gallery has no images of the queries' classes.",
            "Split the dataset again, so that each class has images in train and in test.",
        )
    if len(np.unique(task.gallery_classes)) < 2:
        name = task.classes[task.gallery_classes[0]]
        raise WorkbenchError(
            f"There is nothing to evaluate: all images of the gallery are of one class, “{name}”, "
            "so every result is relevant.",
            "Import images of at least two classes.",
        )
