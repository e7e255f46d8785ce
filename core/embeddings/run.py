"""`EmbeddingRun`: embedding images whose embeddings are not known, with partial results on disk.

Shapes, in this file: D embedding dimensions.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.datasets.columns import ImageRow
from core.datasets.registry import is_as_scanned
from core.embeddings.local import EmbeddingEngine
from core.embeddings.reuse import UNKNOWN, KnownRows, PartialEmbeddings, as_array
from core.progress import Progress, Work, format_rate

FLUSH_EVERY_S = 20.0
"""The most work that a killed process loses; a GPU does in that time what a CPU does in an hour."""

STATS_AT_ONCE = 1000


def contents_of(files: Sequence[str], rows: Sequence[ImageRow]) -> Work[list[bytes]]:
    """Return the SHA-256 of each image, `UNKNOWN` if its file has changed since the scan.

    Only size and time are compared, as in a scan.
    """
    contents = []
    for start in range(0, len(rows), STATS_AT_ONCE):
        part = slice(start, start + STATS_AT_ONCE)
        for file, row in zip(files[part], rows[part], strict=True):
            scanned = is_as_scanned(file, row)
            contents.append(bytes.fromhex(row.sha256) if scanned else UNKNOWN)
        yield Progress(len(contents), len(rows), "looking for existing embeddings")
    return contents


@dataclass(slots=True, kw_only=True)
class EmbeddingRun:
    """Embeds the images whose embeddings are not known, and holds the results."""

    engine: EmbeddingEngine
    """Opened only if there is something to embed, as that takes seconds."""

    files: Sequence[str]
    """The file of each image."""

    known: KnownRows
    """Receives the embeddings."""

    partial: PartialEmbeddings
    """Receives them on disk until there is an artifact."""

    problems: dict[int, str] = field(default_factory=dict)
    """Position → reason, of unreadable images."""

    num_embedded: int = 0
    """Number of images that went through the network."""

    seconds: float = 0.0
    """Time to read and embed them, without opening the model."""

    _pending: list[int] = field(default_factory=list)
    """Positions of images that are embedded and not on disk yet."""

    _flushed_at: float = field(default_factory=time.monotonic)

    @property
    def images_per_second(self) -> float:
        """Return the speed; 0 if nothing had to be embedded."""
        return self.num_embedded / self.seconds if self.num_embedded else 0.0

    def run(self) -> Work[None]:
        """Embed what is missing, and write results to disk every few seconds.

        Later results are lost unless they become an artifact, or `flush` is called.

        Raises:
            WorkbenchError: An embedding is zero or not finite.
        """
        num_reused = int(self.known.known.sum())
        tried: set[int] = set()
        places = self.known.missing(tried)
        if not places:
            return
        try:
            yield from self.engine.open()
            while places:
                yield from self._embed(places, num_reused)
                tried.update(places)
                places = self.known.missing(tried)
        finally:
            self.engine.close()

    def _embed(self, places: list[int], num_reused: int) -> Work[None]:
        for part in self.engine.embed([self.files[place] for place in places]):
            self.seconds += part.seconds
            self.problems |= {places[at]: reason for at, reason in part.problems.items()}
            if part.positions:
                self._store([places[at] for at in part.positions], part.vectors)
            yield self._progress(num_reused, part.note)

    def _progress(self, num_reused: int, engine_note: str) -> Progress:
        rate = f"{format_rate(self.images_per_second)} a second" if self.num_embedded else ""
        reused = f"{num_reused:,} reused" if num_reused else ""
        note = ", ".join(filter(None, ("embedding images", rate, reused, engine_note)))
        done = int(self.known.known.sum()) + len(self.problems)
        return Progress(done, len(self.files), note)

    def _store(self, places: Sequence[int], vectors: NDArray[np.float32]) -> None:
        self.num_embedded += len(places)
        self.known.put(places, vectors)
        self._pending += [place for place in places if self.known.contents[place] != UNKNOWN]
        if time.monotonic() - self._flushed_at >= FLUSH_EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Write the results to disk that are not there yet."""
        if self._pending:
            contents = as_array([self.known.contents[place] for place in self._pending])
            self.partial.write(contents, self.known.vectors[self._pending])
            self._pending.clear()
        self._flushed_at = time.monotonic()
