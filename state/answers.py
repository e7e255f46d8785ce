"""Answering a query with the open model and index."""

import random
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import streamlit as st

from core.artifacts import Manifest
from core.datasets.catalog import ImageRow
from core.datasets.registry import Dataset
from state import resources

if TYPE_CHECKING:
    from core.retrieval.query import Answer, Match


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """The image that is searched by: an upload, or an image of the dataset."""

    name: str
    """What to call it: the upload's or the dataset file's name."""

    content: bytes = b""
    """The upload's bytes."""

    digest: str = ""
    """SHA-256 of the upload's bytes."""

    path: Path | None = None
    """The dataset image's file."""

    image: ImageRow | None = None
    """The dataset image's catalog row."""

    def source(self) -> Path | BinaryIO:
        """Return what the image can be read from."""
        return self.path if self.path is not None else BytesIO(self.content)

    @property
    def key(self) -> str:
        """Identifies the picture's content."""
        return self.digest if self.image is None else f"{self.image.id}-{self.image.sha256}"


def answer_of(
    query: Query, index: Manifest, model: Manifest, dataset: Dataset, k: int
) -> "tuple[Answer, dict[str, float]]":
    """Answer a query, and say how many seconds decode, embed and search took.

    Raises:
        UnreadableImageError: The query is no image.
        MissingError: The model or the index was deleted.
        DamagedArtifactError: One of their files was changed.
    """
    return _answer(query.key, k, index.fingerprint, _parts=(query, index, model, dataset))


@st.cache_data(max_entries=64, show_spinner="Searching…")
def _answer(
    key: str, k: int, fingerprint: str, _parts: tuple[Query, Manifest, Manifest, Dataset]
) -> "tuple[Answer, dict[str, float]]":
    """Remember answers by content, so that a rerun of the page does not search again."""
    from core.embedder.batches import load_square
    from core.retrieval.query import answer

    query, index, model, dataset = _parts
    opened_model = resources.model(model.id, model.fingerprint)
    opened_index = resources.index(index.id, index.fingerprint)
    started = time.perf_counter()
    side = opened_model.config.image_size
    pixels = load_square(query.source(), side, name=query.name)
    decode = {"decode": time.perf_counter() - started}
    leave_out = query.image.id if query.image is not None else None
    found = answer(opened_model, opened_index, dataset, pixels, k, leave_out=leave_out)
    return found, decode | found.seconds


def neighbours_of(index: Manifest, image_id: int, k: int) -> "list[Match]":
    """Return the `k` indexed images nearest to one that is indexed; none if it is not.

    Raises:
        MissingError: The index or its embeddings were deleted.
    """
    from core.retrieval.query import neighbours_of_image

    opened = resources.index(index.id, index.fingerprint)
    return neighbours_of_image(resources.workspace(), opened, image_id, k)


def random_image(dataset: Dataset, seed: int) -> int | None:
    """Return the catalog id of some image of the dataset; None if it is empty."""
    count = dataset.catalog.count()
    if count == 0:
        return None
    [row] = dataset.catalog.rows(offset=random.Random(seed).randrange(count), limit=1)
    return row.id
