"""`KnownRows`: embeddings by the content of their images, so that none is embedded twice.

Shapes, in this file: N images of a task, M embeddings known, D dimensions.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CONTENT_BYTES = 32
"""Of a SHA-256."""

UNKNOWN = bytes(CONTENT_BYTES)
"""In position of a SHA-256: the file has changed since the scan."""


def as_array(contents: Sequence[bytes]) -> NDArray[np.uint8]:
    """Return N SHA-256 as (N, 32) uint8."""
    return np.frombuffer(b"".join(contents), np.uint8).reshape(len(contents), CONTENT_BYTES)


class KnownRows:
    """The embeddings of the images of a task, as far as they are known."""

    def __init__(self, contents: Sequence[bytes], dimension: int) -> None:
        """Start without embeddings.

        Args:
            contents: SHA-256 of each image; the same one or `UNKNOWN` may occur several times.
            dimension: D.
        """
        self.contents = contents
        self.vectors = np.zeros((len(contents), dimension), np.float32)
        self.known = np.zeros(len(contents), np.bool_)
        self._position: dict[bytes, int] = {}
        self._duplicates: dict[
            bytes, list[int]
        ] = {}  # Lists for these only: many lists are slow to garbage-collect
        for position, content in enumerate(contents):
            if content != UNKNOWN:
                first = self._position.setdefault(content, position)
                if first != position:
                    self._duplicates.setdefault(content, [first]).append(position)

    def reuse(self, contents: NDArray[np.uint8], vectors: NDArray[np.float32]) -> None:
        """Reuse rows of other embeddings.

        Args:
            contents: (M, 32) uint8, SHA-256 of their images.
            vectors: (M, D) float32 unit rows; may be mapped.
        """
        for content, vector in zip(map(bytes, contents), vectors, strict=True):
            if content in self._position:
                self._put(self._duplicates.get(content, [self._position[content]]), vector)

    def put(self, positions: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Set the embeddings of some images, and of those with the same content.

        Args:
            positions: Positions of the M images.
            vectors: (M, D) float32 unit rows.
        """
        self._put(positions, vectors)
        for position, vector in zip(positions, vectors, strict=True):
            if duplicates := self._duplicates.get(self.contents[position]):
                self._put(duplicates, vector)

    def _put(self, positions: Sequence[int], vectors: NDArray[np.float32]) -> None:
        self.vectors[positions] = vectors
        self.known[positions] = True

    def missing(self, tried: set[int]) -> list[int]:
        """Return the positions of the images to embed next, one of each content.

        Args:
            tried: Positions whose files could not be read; others with the same content may be
                readable.
        """
        contents: set[bytes] = set()
        positions = []
        for position in np.flatnonzero(~self.known).tolist():
            content = self.contents[position]
            if position not in tried and (content == UNKNOWN or content not in contents):
                contents.add(content)
                positions.append(position)
        return positions
