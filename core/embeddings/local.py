"""Embedding files on this machine: decoding ahead in processes, then the network.

Shapes, in this file: B images, D embedding dimensions.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from core.embeddings.encoding import Encoder
from core.models.batches import Problems, decode_batches
from core.models.devices import choose_device
from core.models.passes import forward_passes
from core.progress import Progress, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Some images of a list of files, embedded; it may be none."""

    positions: list[int]
    """B positions in the list."""

    vectors: NDArray[np.float32]
    """(B, D) unit rows."""

    problems: Problems
    """Images that could not be decoded."""

    seconds: float
    """Time since the previous part, without opening the model."""

    note: str = ""
    """What else to show with the progress."""


class EmbeddingEngine(Protocol):
    """What embeds files: this machine or a cluster."""

    def open(self) -> Work[None]:
        """Prepare for `embed`; called once, and only if there is something to embed."""

    def embed(self, files: Sequence[str]) -> Iterator[Embedded]:
        """Yield the embeddings of the files in parts, in any order, at least every second or so."""

    def close(self) -> None:
        """Release what `open` acquired; called once, also if that failed."""


def embed_files(encoder: Encoder, files: Sequence[str]) -> Iterator[Embedded]:
    """Yield the embeddings of the files in order, batch by batch.

    Raises:
        WorkbenchError: An embedding is zero or not finite.
    """
    device, config = choose_device(), encoder.model.config
    resumed = time.perf_counter()
    batches = decode_batches(files, config.preprocessing, device.batch_size)
    for batch, outputs in forward_passes(
        batches, lambda batch: encoder.embed_async(batch.pixels), device
    ):
        yield Embedded(
            positions=batch.positions.tolist(),
            vectors=no_vectors(config.dimension) if outputs is None else outputs[0],
            problems=batch.problems,
            seconds=time.perf_counter() - resumed,
        )
        resumed = time.perf_counter()


def no_vectors(dimension: int) -> NDArray[np.float32]:
    """Return (0, D) float32."""
    return np.zeros((0, dimension), np.float32)


@dataclass(slots=True)
class LocalEngine:
    """Embeds on this machine."""

    open_encoder: Callable[[], Encoder]
    _encoder: Encoder | None = field(default=None, init=False)

    def open(self) -> Work[None]:
        """Open the model, which takes seconds."""
        yield Progress(0, 0, "opening the model")
        self._encoder = self.open_encoder()

    def embed(self, files: Sequence[str]) -> Iterator[Embedded]:
        """Yield the embeddings of the files in order."""
        if self._encoder is None:
            raise ValueError("the engine is not open")
        return embed_files(self._encoder, files)

    def close(self) -> None:
        """Release the model."""
        self._encoder = None
