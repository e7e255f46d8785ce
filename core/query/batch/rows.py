"""The rows of a batch: what the model and the index say of each image."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.datasets.catalog import ImageRow
from core.datasets.export.table import Record
from core.datasets.layout import readable
from core.datasets.registry import Dataset
from core.embeddings.encoding import Encoder
from core.files import sha256_of
from core.indexes.files import Index
from core.models.batches import Batch, decode_batches
from core.query.batch.sources import Queries
from core.query.batch.table import unanswered


@dataclass(frozen=True, slots=True)
class Answerer:
    """All that it takes to answer queries."""

    index: Index
    dataset: Dataset
    encoder: Encoder
    k: int

    def rows_of(self, queries: Queries) -> Generator[list[Record], None, None]:
        """Yield the rows of the files, some at a time, in their order."""
        model = self.encoder.model
        for names in queries.stretches():
            paths = [queries.root / name for name in names]
            for decoded in decode_batches(paths, model.config.image_size, model.device.batch_size):
                yield self._rows(decoded, names, paths)

    def _rows(self, decoded: Batch, names: Sequence[str], paths: Sequence[Path]) -> list[Record]:
        rows = {
            at: unanswered(readable(names[at]), problem) for at, problem in decoded.problems.items()
        }
        if len(decoded.positions):
            for at, answered in zip(decoded.positions.tolist(), self._ask(decoded), strict=True):
                same = _copy_of(paths[at], answered.pop("images"))
                rows[at] = {"query": readable(names[at]), "copy_of": same, **answered}
        return [rows[at] for at in sorted(rows)]

    def _ask(self, decoded: Batch) -> Iterator[Record]:
        """Yield what the model and the index say of each decoded query."""
        embeddings, probabilities = self.encoder.embed(decoded.pixels)
        found = self.index.store.search(embeddings, self.k)
        ids = {image_id for matches in found for image_id in matches.image_ids.tolist()}
        known = self.dataset.catalog.rows_by_id(ids)
        classes = self.encoder.model.classes
        for shares, matches in zip(probabilities, found, strict=True):
            best = int(np.argmax(shares)) if classes else None
            images = [known.get(image_id) for image_id in matches.image_ids.tolist()]
            yield {
                "problem": None,
                "prediction": None if best is None else classes[best],
                "probability": None if best is None else _shortest(shares[best]),
                "match_ids": matches.image_ids.tolist(),
                "match_paths": [image and image.path for image in images],
                "match_labels": [image and image.label for image in images],
                "similarities": [_shortest(value) for value in matches.similarities],
                "images": images,
            }


def _shortest(value: np.float32) -> float:
    """Return the number of the fewest digits that is this one as float32."""
    return float(str(value))


def _copy_of(path: Path, images: Sequence[ImageRow | None]) -> int | None:
    """Return which of some images, first to last, has the very same bytes as a file."""
    try:
        size_bytes = path.stat().st_size
        duplicates = [image for image in images if image and image.size_bytes == size_bytes]
        sha256 = sha256_of(path) if duplicates else ""
    except OSError:  # It vanished after it was decoded
        return None
    return next((image.id for image in duplicates if image.sha256 == sha256), None)
