"""Answering one query: what is on the picture, and which images are like it.

Shapes, in this file: S pixels a side.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.datasets.catalog import ImageRow
from core.datasets.registry import Dataset, open_dataset
from core.embedder.batches import load_square
from core.embedder.models import Model, load_model
from core.errors import WorkbenchError
from core.retrieval.config import MAX_MATCHES
from core.vectors.embeddings import open_embeddings
from core.vectors.encoding import Encoder
from core.vectors.indexes import Index, open_index
from core.vectors.store import Matches
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Match:
    """One of the images that are like the query."""

    image: ImageRow | None
    """Its catalog row; None when it was removed from the dataset after the index was built."""

    image_id: int
    similarity: float
    """Cosine similarity in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model and the index say of a query."""

    prediction: list[tuple[str, float]]
    """Categories with their probabilities, likeliest first; empty for a model without classes."""

    matches: list[Match]
    """Nearest images, best first."""

    seconds: dict[str, float]
    """Time spent on embed and search."""


def answer(
    model: Model,
    index: Index,
    dataset: Dataset,
    pixels: NDArray[np.uint8],
    k: int,
    *,
    leave_out: int | None = None,
) -> Answer:
    """Find the `k` images most like the query and predict its category.

    Args:
        model: The one that the index was made with.
        index: What is searched.
        dataset: Whose images the index holds.
        pixels: (3, S, S) uint8, the query as `batches.load_square` reads it.
        k: Matches wanted, 1 to 1,000; more than the index holds gives all.
        leave_out: Catalog id of the query itself, when it is taken from the dataset.

    Raises:
        WorkbenchError: The index was made with another model.
        ValueError: `k` is out of range.
    """
    if not 1 <= k <= MAX_MATCHES:
        raise ValueError(f"k must be in 1..{MAX_MATCHES}, got {k}")
    require_own_model(model, index)
    started = time.perf_counter()
    embeddings, probabilities = Encoder(model, index.encoding).embed(pixels[None])
    embedded = time.perf_counter()
    wanted = k if leave_out is None else k + 1
    [found] = index.store.search(embeddings, wanted)
    searched = time.perf_counter()
    likeliest = np.argsort(-probabilities[0], kind="stable")
    return Answer(
        prediction=[(model.classes[c], float(probabilities[0, c])) for c in likeliest],
        matches=_with_rows(found, dataset, leave_out)[:k],
        seconds={"embed": embedded - started, "search": searched - embedded},
    )


def require_own_model(model: Model, index: Index) -> None:
    """Raise `WorkbenchError` unless the index was made with just this model."""
    if model.manifest.fingerprint != index.manifest.made_from["model_fingerprint"]:
        raise WorkbenchError(
            f"The index {index.manifest.id} was made with another model than {model.id} is now.",
            "Build the index again.",
        )


def neighbours_of_image(workspace: Workspace, index: Index, image_id: int, k: int) -> list[Match]:
    """Find the `k` images nearest to one that is indexed, by its embedding on disk.

    Returns:
        The matches without the image itself, best first; none if it is not indexed.

    Raises:
        MissingError: The embeddings or the dataset are gone.
    """
    embeddings = open_embeddings(workspace, index.embeddings)
    rows = embeddings.rows_of(np.array([image_id], np.int64))
    if not len(rows):
        return []
    [found] = index.store.search(np.ascontiguousarray(embeddings.vectors[rows]), k + 1)
    return _with_rows(found, open_dataset(workspace, index.dataset), image_id)[:k]


def _with_rows(found: Matches, dataset: Dataset, leave_out: int | None) -> list[Match]:
    rows = dataset.catalog.rows_by_id(found.image_ids.tolist())
    pairs = zip(found.image_ids.tolist(), found.similarities.tolist(), strict=True)
    return [
        Match(rows.get(image_id), image_id, similarity)
        for image_id, similarity in pairs
        if image_id != leave_out
    ]


def answer_file(workspace: Workspace, index_id: str, path: Path, k: int) -> dict[str, Any]:
    """Answer a query by an image file, opening all that it takes, as plain data for scripts.

    Raises:
        MissingError: The index, its model or its dataset is gone.
        UnreadableImageError: The file is no image.
        ValueError: `k` is out of range.
    """
    index = open_index(workspace, index_id)
    model = load_model(workspace, index.model)
    pixels = load_square(path, model.config.image_size)
    found = answer(model, index, open_dataset(workspace, index.dataset), pixels, k)
    return {
        "prediction": [
            {"label": label, "probability": probability} for label, probability in found.prediction
        ],
        "matches": [
            {
                "image_id": match.image_id,
                "path": match.image.path if match.image else None,
                "label": match.image.label if match.image else None,
                "similarity": match.similarity,
            }
            for match in found.matches
        ],
        "seconds": found.seconds,
    }
