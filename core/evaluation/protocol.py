"""Who asks and who may be found in an evaluation, as the catalog has it.

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

GALLERY_WORDS = {
    Gallery.TRAIN: "the train split",
    Gallery.TRAIN_AND_VALIDATION: "the train and validation splits",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalTask:
    """The queries that have something to find, and the gallery that they search."""

    classes: list[str]
    """Names of the classes, sorted; the numbers below are places in it."""

    queries: list[ImageRow]
    wanted: NDArray[np.int64]
    """(Q,) the class of each query."""

    num_relevant: NDArray[np.int64]
    """(Q,) gallery images of the query's class that are no copy of it, at least 1."""

    query_contents: NDArray[np.int64]
    """(Q,) a number for each content of a file."""

    gallery_ids: NDArray[np.int64]
    """(G,) catalog ids, ascending."""

    gallery_classes: NDArray[np.int64]
    """(G,)"""

    gallery_contents: NDArray[np.int64]
    """(G,) the numbers of the contents."""

    most_copies: int
    """Most gallery images that have one query's content; what a search must ask for beyond k."""

    num_copies: int
    """Pairs of a query and a gallery image of the same content, left out."""

    skipped: dict[str, int]
    """Class → queries of it that were left out, for there is nothing of their class to find."""

    @property
    def query_ids(self) -> NDArray[np.int64]:
        """(Q,) catalog ids."""
        return np.array([row.id for row in self.queries], np.int64)


def make_task(dataset: Dataset, protocol: Protocol, embedded: NDArray[np.int64]) -> RetrievalTask:
    """Look up who asks and who may be found.

    A gallery image with the content of the query, its own above all, is no answer to it.

    Args:
        dataset: Of labeled images.
        protocol: Which splits.
        embedded: (N,) catalog ids of the images that have an embedding.

    Raises:
        WorkbenchError: Nothing can be evaluated; the sentence says why.
    """
    has_embedding = set(embedded.tolist())
    gallery = _labeled(dataset, tuple(protocol.gallery.splits))
    asking = _labeled(dataset, (protocol.queries,))
    if not (gallery and asking):
        raise _nothing(dataset, protocol, has_queries=bool(asking))
    gallery = [row for row in gallery if row.id in has_embedding]
    asking = [row for row in asking if row.id in has_embedding]
    if not (gallery and asking):
        raise WorkbenchError(
            "There is nothing to evaluate: no query, or nothing that it could find, is embedded.",
            "Embed all images of the dataset, then evaluate those embeddings.",
        )
    task = _counted(gallery, asking)
    _refuse_trivial(task)
    return task


def _labeled(dataset: Dataset, splits: tuple[str, ...]) -> list[ImageRow]:
    rows = dataset.catalog.rows(ImageFilter(splits=splits))
    return sorted((row for row in rows if row.label is not None), key=lambda row: row.id)


def _counted(gallery: list[ImageRow], asking: list[ImageRow]) -> RetrievalTask:
    """Count what each query can find, and leave out those that can find nothing."""
    per_class = Counter(row.label for row in gallery)
    per_content = Counter(row.sha256 for row in gallery)
    per_both = Counter((row.sha256, row.label) for row in gallery)
    relevant = [per_class[row.label] - per_both[row.sha256, row.label] for row in asking]
    asked = [row for row, count in zip(asking, relevant, strict=True) if count > 0]
    copies = [per_content[row.sha256] for row in asked]
    classes = sorted({str(row.label) for row in (*gallery, *asking)})
    numbers = {label: number for number, label in enumerate(classes)}
    contents = {sha256: n for n, sha256 in enumerate({row.sha256 for row in (*gallery, *asked)})}
    skipped = Counter(
        str(row.label) for row, count in zip(asking, relevant, strict=True) if count <= 0
    )
    return RetrievalTask(
        classes=classes,
        queries=asked,
        wanted=np.array([numbers[str(row.label)] for row in asked], np.int64),
        num_relevant=np.array([count for count in relevant if count > 0], np.int64),
        query_contents=np.array([contents[row.sha256] for row in asked], np.int64),
        gallery_ids=np.array([row.id for row in gallery], np.int64),
        gallery_classes=np.array([numbers[str(row.label)] for row in gallery], np.int64),
        gallery_contents=np.array([contents[row.sha256] for row in gallery], np.int64),
        most_copies=max(copies, default=0),
        num_copies=sum(copies),
        skipped=dict(sorted(skipped.items())),
    )


def _nothing(dataset: Dataset, protocol: Protocol, *, has_queries: bool) -> WorkbenchError:
    if not dataset.catalog.labels():
        return WorkbenchError(
            f"There is nothing to evaluate: no usable image of “{dataset.name}” has a class.",
            "Give the images classes, by their folders or on the Datasets page.",
        )
    if not has_queries:
        return WorkbenchError(
            f"There is nothing to evaluate: no usable image of “{dataset.name}” with a class is "
            f"in the {protocol.queries} split.",
            "Put some there on the Datasets page, take excluded ones in again, or let another "
            "split ask.",
        )
    return WorkbenchError(
        f"There is nothing to evaluate: no usable image of “{dataset.name}” with a class is in "
        f"{GALLERY_WORDS[protocol.gallery]}, so queries would find nothing.",
        "Put some there on the Datasets page, or take excluded ones in again.",
    )


def _refuse_trivial(task: RetrievalTask) -> None:
    """Refuse a trial of which nothing could be learnt."""
    if not task.queries:
        raise WorkbenchError(
            "There is nothing to evaluate: the classes of the queries have no images to find.",
            "Divide the dataset anew, so that each class has images in train and in test.",
        )
    if len(np.unique(task.gallery_classes)) < 2:
        name = task.classes[task.gallery_classes[0]]
        raise WorkbenchError(
            f"There is nothing to evaluate: all images that could be found are of one class, "
            f"“{name}”, so every answer is right.",
            "Give the dataset images of at least two classes.",
        )
