"""Rows of a batch query's table: prediction and matches of each image."""

from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from core.datasets.columns import ImageRow
from core.datasets.export.listing import Record
from core.datasets.layout import readable
from core.embeddings.encoding import Encoder
from core.files import sha256_of
from core.models.batches import decode_batches
from core.models.model import Outputs
from core.models.passes import forward_passes
from core.query.batch.sources import BatchImages
from core.query.batch.table import failed_row
from core.query.opened import EmbeddedImage, OpenedIndex
from core.query.pipeline import search_embedded
from core.query.query import Query, QueryImage, SearchOptions
from core.query.result import QueryResult


def rows_of(
    opened: OpenedIndex, encoder: Encoder, images: BatchImages, k: int
) -> Generator[list[Record], None, None]:
    """Search by each image and yield their rows in order, some at a time."""
    model = encoder.model
    query = Query(images=(QueryImage(),), options=SearchOptions(k=k))
    for names in images.chunks():
        paths = [images.root / name for name in names]
        batches = decode_batches(paths, model.config.preprocessing, model.device.batch_size)
        for decoded, outputs in forward_passes(
            batches, lambda batch: encoder.embed_async(batch.pixels), model.device
        ):
            rows = {
                at: failed_row(readable(names[at]), problem)
                for at, problem in decoded.problems.items()
            }
            found = [] if outputs is None else _search(opened, query, outputs)
            for at, result in zip(decoded.positions.tolist(), found, strict=True):
                rows[at] = _row(readable(names[at]), paths[at], result)
            yield [rows[at] for at in sorted(rows)]


def _search(opened: OpenedIndex, query: Query, outputs: Outputs) -> list[QueryResult]:
    """Search by all images of a batch together."""
    embeddings, probabilities = outputs
    embedded = [
        ([EmbeddedImage(embedding=embedding, probabilities=row)], 0.0)
        for embedding, row in zip(embeddings, probabilities, strict=True)
    ]
    return search_embedded(opened, [query] * len(embedded), embedded)


def _row(name: str, path: Path, result: QueryResult) -> Record:
    label, probability = result.prediction[0] if result.prediction else (None, None)
    images = [match.image for match in result.matches]
    return {
        "query": name,
        "problem": None,
        "prediction": label,
        "probability": None if probability is None else _shortest(probability),
        "copy_of": _copy_of(path, images),
        "match_ids": [match.image_id for match in result.matches],
        "match_paths": [image and image.path for image in images],
        "match_labels": [match.label for match in result.matches],
        "similarities": [_shortest(match.similarity) for match in result.matches],
    }


def _shortest(value: float) -> float:
    """Return the number with the fewest digits that is the same float32."""
    return float(str(np.float32(value)))


def _copy_of(path: Path, images: Sequence[ImageRow | None]) -> int | None:
    """Return the id of the first image with exactly the bytes of a file, if there is one."""
    try:
        size_bytes = path.stat().st_size
        candidates = [image for image in images if image and image.size_bytes == size_bytes]
        sha256 = sha256_of(path) if candidates else ""
    except OSError:  # It vanished after it was decoded
        return None
    return next((image.id for image in candidates if image.sha256 == sha256), None)
