"""Where the images of a question come from: uploads that a tab keeps, or files of the dataset."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from core.datasets.registry import Dataset
from core.errors import MissingError
from state import session
from state.query_view import Question


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pixels of a query image come from."""

    name: str
    """What to call it: the upload's or the dataset file's name."""

    content: Path | bytes
    """The dataset image's file, or the upload's bytes."""

    key: str
    """Identifies the picture's content."""

    label: str | None = None
    """The category of an image of the dataset."""

    def open(self) -> Path | BinaryIO:
        """Return what the image can be read from."""
        return self.content if isinstance(self.content, Path) else BytesIO(self.content)


def sources_of(question: Question, dataset: Dataset) -> list[Source]:
    """Return where the images of a question come from, in its order.

    Raises:
        MissingError: One is no longer in the dataset, or its upload was let go of.
    """
    ids = [image.image_id for image in question.images if image.image_id is not None]
    rows = dataset.catalog.rows_by_id(ids)
    sources = []
    for image in question.images:
        if image.image_id is None:
            upload = session.selection().uploads.get(image.digest)
            if upload is None:
                raise MissingError(
                    "This uploaded image is no longer kept in this tab.", "Upload it again."
                )
            sources.append(Source(upload.name, upload.content, image.digest))
        elif image.image_id in rows:
            row = rows[image.image_id]
            key = f"{row.id}-{row.sha256}"
            sources.append(Source(row.path, dataset.path_of(row), key, row.label))
        else:
            raise MissingError(
                "An image of this query is no longer in the dataset.", "Ask by another one."
            )
    return sources


def label_of(question: Question, sources: Sequence[Source]) -> str | None:
    """Return the category that a question's images show, where it is said or they agree on it."""
    if question.label:
        return question.label
    labels = {
        source.label
        for image, source in zip(question.images, sources, strict=True)
        if image.is_wanted
    }
    return labels.pop() if len(labels) == 1 else None
