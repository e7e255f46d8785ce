"""Embedding images that nobody has embedded yet, so that what is done stays done.

Shapes, in this file: D embedding dimensions.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.datasets.columns import ImageRow
from core.embeddings.encoding import Encoder
from core.embeddings.partial import PartialEmbeddings
from core.embeddings.reuse import UNKNOWN, KnownRows, as_array
from core.models.batches import decode_batches
from core.models.devices import choose_device
from core.models.model import Outputs
from core.progress import Progress, Work, format_rate

KEEP_EVERY_S = 20.0
"""What a killed process loses at most; a card does in it what a processor does in an hour."""

STATS_AT_ONCE = 1000


def contents_of(files: Sequence[str], rows: Sequence[ImageRow]) -> Work[list[bytes]]:
    """Return the SHA-256 of each image, `UNKNOWN` where its file is not the one that was scanned.

    Only size and time are looked at, as a scan does.
    """
    contents = []
    for start in range(0, len(rows), STATS_AT_ONCE):
        some = slice(start, start + STATS_AT_ONCE)
        for file, row in zip(files[some], rows[some], strict=True):
            scanned = _is_as_scanned(file, row)
            contents.append(bytes.fromhex(row.sha256) if scanned else UNKNOWN)
        yield Progress(len(contents), len(rows), "looking for what is embedded already")
    return contents


def _is_as_scanned(file: str, row: ImageRow) -> bool:
    try:
        found = os.stat(file)
    except (OSError, ValueError):  # Whoever reads it says what is wrong
        return False
    return (found.st_size, found.st_mtime_ns) == (row.size_bytes, row.modified_ns)


@dataclass(slots=True, kw_only=True)
class EmbeddingRun:
    """The work on the images whose embeddings are not known, and what has come of it so far."""

    open_encoder: Callable[[], Encoder]
    """Called if there is something to embed; opening a model takes seconds."""

    files: Sequence[str]
    """The file of each image wanted."""

    side: int
    """Of the square that the network sees, in pixels."""

    known: KnownRows
    """Where embeddings go to."""

    kept: PartialEmbeddings
    """Where they are kept until there is an artifact."""

    problems: dict[int, str] = field(default_factory=dict)
    """Place → reason, of images that cannot be read."""

    num_embedded: int = 0
    """Images that went through the network."""

    seconds: float = 0.0
    """Spent on them, reading included; opening the model is not."""

    _encoder: Encoder | None = None
    _pending: list[int] = field(default_factory=list)
    """Places of images that are embedded and not kept yet."""

    _kept_at: float = field(default_factory=time.monotonic)
    """When some were kept last."""

    @property
    def images_per_second(self) -> float:
        """How quick it was; 0 where nothing had to be done."""
        return self.num_embedded / self.seconds if self.num_embedded else 0.0

    def run(self) -> Work[None]:
        """Embed what is missing, and keep what there is every few seconds.

        What has come since then is lost unless it becomes an artifact, or `keep` is called.

        Raises:
            WorkbenchError: An embedding is zero or not finite.
        """
        taken_over = int(self.known.known.sum())
        tried: set[int] = set()
        while places := self.known.missing(tried):
            yield from self._embed(places, taken_over)
            tried.update(places)

    def _embed(self, places: list[int], taken_over: int) -> Work[None]:
        files = [self.files[place] for place in places]
        device = choose_device()
        encoder = yield from self._opened()
        resumed = time.perf_counter()
        begun: deque[tuple[list[int], Callable[[], Outputs]]] = deque()
        for batch in decode_batches(files, self.side, device.batch_size):
            self.problems |= {places[at]: reason for at, reason in batch.problems.items()}
            if len(batch.positions):
                of = [places[at] for at in batch.positions]
                begun.append((of, encoder.embed_async(batch.pixels)))
            if len(begun) >= device.passes_at_once:
                self._take(*begun.popleft())
            self.seconds += time.perf_counter() - resumed
            resumed = time.perf_counter()
            yield self._progress(taken_over)
        while begun:
            self._take(*begun.popleft())
        self.seconds += time.perf_counter() - resumed

    def _opened(self) -> Work[Encoder]:
        if self._encoder is None:
            yield Progress(0, 0, "opening the model")
            self._encoder = self.open_encoder()
        return self._encoder

    def _progress(self, taken_over: int) -> Progress:
        note = f"embedding images, {format_rate(self.images_per_second)} a second"
        note += f", {taken_over:,} taken over" if taken_over else ""
        done = int(self.known.known.sum()) + len(self.problems)
        return Progress(done, len(self.files), note)

    def _take(self, places: Sequence[int], passed: Callable[[], Outputs]) -> None:
        vectors, _ = passed()
        self.num_embedded += len(places)
        self.known.put(places, vectors)
        self._pending += [place for place in places if self.known.contents[place] != UNKNOWN]
        if time.monotonic() - self._kept_at >= KEEP_EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Write to disk what is embedded and not kept yet."""
        if self._pending:
            contents = as_array([self.known.contents[place] for place in self._pending])
            self.kept.write(contents, self.known.vectors[self._pending])
            self._pending.clear()
        self._kept_at = time.monotonic()
