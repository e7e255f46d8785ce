"""Asking by one image: the whole way from its pixels, or from its place in the index, to matches.

What is answered to a question is the business of `answer.py`.

Shapes, in this file: S pixels a side.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset, open_dataset
from core.embeddings.encoding import Encoder
from core.embeddings.files import open_embeddings
from core.errors import WorkbenchError
from core.indexes.files import Index, open_index
from core.models.batches import load_square
from core.models.model import Model, load_model
from core.query.answer import Answer, EmbeddedQuestion, answer
from core.query.search import Match, Wanted, search
from core.workspace import Workspace


def check_model(index: Index, model: Manifest) -> None:
    """Check that queries embedded by a model can be answered by an index.

    Raises:
        WorkbenchError: The index was made with another model.
    """
    if model.fingerprint != index.manifest.made_from["model_fingerprint"]:
        raise WorkbenchError(
            f"The index {index.manifest.id} was made with another model than {model.id} is now.",
            "Build the index again.",
        )


def answer_pixels(
    model: Model,
    index: Index,
    dataset: Dataset,
    pixels: NDArray[np.uint8],
    wanted: Wanted,
    *,
    own_ids: frozenset[int] = frozenset(),
) -> Answer:
    """Find the images most like a picture and say what it shows.

    Args:
        model: The one that the index was made with.
        index: What is searched.
        dataset: Whose images the index holds.
        pixels: (3, S, S) uint8, the query as `batches.load_square` reads it.
        wanted: Which matches.
        own_ids: Catalog ids that are no answer, such as the query's own.

    Raises:
        WorkbenchError: The index was made with another model.
    """
    check_model(index, model.manifest)
    started = time.perf_counter()
    embeddings, probabilities = Encoder(model, index.encoding).embed(pixels[None])
    seconds = {"embed": time.perf_counter() - started}
    question = EmbeddedQuestion(
        embeddings=list(embeddings),
        probabilities=list(probabilities),
        is_wanted=[True],
        own_ids=own_ids,
    )
    return answer(index, dataset, None, model.classes, question, wanted).after(seconds)


def neighbors_of_image(workspace: Workspace, index: Index, image_id: int, k: int) -> list[Match]:
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
    vectors = np.ascontiguousarray(embeddings.vectors[rows])
    dataset = open_dataset(workspace, index.dataset)
    return search(index.store, dataset, vectors, Wanted(k=k), {image_id})


def answer_file(workspace: Workspace, index_id: str, path: Path, wanted: Wanted) -> dict[str, Any]:
    """Answer a query by an image file, opening all that it takes, as plain data for scripts.

    Raises:
        MissingError: The index, its model or its dataset is gone.
        UnreadableImageError: The file is no image.
    """
    index = open_index(workspace, index_id)
    model = load_model(workspace, index.model)
    pixels = load_square(path, model.config.image_size)
    found = answer_pixels(model, index, open_dataset(workspace, index.dataset), pixels, wanted)
    return {
        "prediction": [
            {"label": label, "probability": probability} for label, probability in found.prediction
        ],
        "vote": [{"label": label, "share": share} for label, share in found.vote],
        "matches": [
            {
                "image_id": match.image_id,
                "path": match.image.path if match.image else None,
                "label": match.image.label if match.image else None,
                "similarity": match.similarity,
            }
            for match in found.matches
        ],
        "seconds": dict(found.seconds),
    }
