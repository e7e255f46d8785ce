"""Embeddings known by what is in their images, so that no image is embedded twice.

Shapes, in this file: N images wanted, M embeddings known, D dimensions.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CONTENT_BYTES = 32
"""Of a SHA-256."""

UNKNOWN = bytes(CONTENT_BYTES)
"""In place of a SHA-256: the file is no longer as the catalog knows it."""


def as_array(contents: Sequence[bytes]) -> NDArray[np.uint8]:
    """Return the (N, 32) uint8 of as many SHA-256."""
    return np.frombuffer(b"".join(contents), np.uint8).reshape(len(contents), CONTENT_BYTES)


class KnownRows:
    """The embeddings of the images that are wanted, as far as they are known by now."""

    def __init__(self, contents: Sequence[bytes], dimension: int) -> None:
        """Begin with none.

        Args:
            contents: SHA-256 of each image; the same one or `UNKNOWN` may be there several times.
            dimension: D.
        """
        self.contents = contents
        self.vectors = np.zeros((len(contents), dimension), np.float32)
        self.known = np.zeros(len(contents), np.bool_)
        self._place: dict[bytes, int] = {}
        self._twins: dict[bytes, list[int]] = {}  # Lists for these only: many are slow to collect
        for place, content in enumerate(contents):
            if content != UNKNOWN:
                first = self._place.setdefault(content, place)
                if first != place:
                    self._twins.setdefault(content, [first]).append(place)

    def take(self, contents: NDArray[np.uint8], vectors: NDArray[np.float32]) -> None:
        """Take over what is wanted of some embeddings.

        Args:
            contents: (M, 32) uint8, SHA-256 of their images.
            vectors: (M, D) float32 unit rows; may be mapped.
        """
        for content, vector in zip(map(bytes, contents), vectors, strict=True):
            if content in self._place:
                self._put(self._twins.get(content, [self._place[content]]), vector)

    def put(self, places: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Note the embeddings of some images, and of those with the same content.

        Args:
            places: Where the M images stand among those wanted.
            vectors: (M, D) float32 unit rows.
        """
        self._put(places, vectors)
        for place, vector in zip(places, vectors, strict=True):
            if twins := self._twins.get(self.contents[place]):
                self._put(twins, vector)

    def _put(self, places: Sequence[int], vectors: NDArray[np.float32]) -> None:
        self.vectors[places] = vectors
        self.known[places] = True

    def missing(self, tried: set[int]) -> list[int]:
        """Return the places of the images to embed next, one of each content.

        Args:
            tried: Places whose files could not be read; another one of the same content may be.
        """
        contents: set[bytes] = set()
        places = []
        for place in np.flatnonzero(~self.known).tolist():
            content = self.contents[place]
            if place not in tried and (content == UNKNOWN or content not in contents):
                contents.add(content)
                places.append(place)
        return places
