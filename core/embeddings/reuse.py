"""Reuse of embeddings by the content of their images, so that none is embedded twice.

`KnownRows` has those known to a run; `PartialEmbeddings` stores those of runs that end early. They
are chunks, each complete or absent. A chunk is removed once an artifact has its embeddings, or its
model is gone.

Shapes, in this file: N images of a task, M embeddings, D dimensions.
"""

import hashlib
import json
import secrets
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import list_artifacts
from core.files import write_atomically
from core.workspace import Workspace

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

        `contents` has the SHA-256 of each image; the same one or `UNKNOWN` may occur several times.
        """
        self.contents = contents
        self.vectors = np.zeros((len(contents), dimension), np.float32)
        self.known = np.zeros(len(contents), np.bool_)
        self._position: dict[bytes, int] = {}
        # Lists for these only: many lists are slow to garbage-collect
        self._duplicates: dict[bytes, list[int]] = {}
        for position, content in enumerate(contents):
            if content != UNKNOWN:
                first = self._position.setdefault(content, position)
                if first != position:
                    self._duplicates.setdefault(content, [first]).append(position)

    def reuse(self, contents: NDArray[np.uint8], vectors: NDArray[np.float32]) -> None:
        """Reuse other (M, D) float32 unit rows, which may be mapped.

        `contents` has the (M, 32) uint8 SHA-256 of their images.
        """
        for content, vector in zip(map(bytes, contents), vectors, strict=True):
            if content in self._position:
                self._put(self._duplicates.get(content, [self._position[content]]), vector)

    def put(self, positions: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Set the (M, D) float32 unit rows of M images, and of those with the same content."""
        self._put(positions, vectors)
        for position, vector in zip(positions, vectors, strict=True):
            if duplicates := self._duplicates.get(self.contents[position]):
                self._put(duplicates, vector)

    def _put(self, positions: Sequence[int], vectors: NDArray[np.float32]) -> None:
        self.vectors[positions] = vectors
        self.known[positions] = True

    def missing(self, tried: set[int]) -> list[int]:
        """Return the positions of the images to embed next, one of each content.

        The files at `tried` could not be read; others with the same content may be readable.
        """
        contents: set[bytes] = set()
        positions = []
        for position in np.flatnonzero(~self.known).tolist():
            content = self.contents[position]
            if position not in tried and (content == UNKNOWN or content not in contents):
                contents.add(content)
                positions.append(position)
        return positions


PREFIX = ".kept-"
DIGITS = 16
"""Digits of a fingerprint in a folder's name."""

Chunk = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""(M, 32) uint8 SHA-256 of the images, and their (M, D) float32 unit rows."""


class PartialEmbeddings:
    """The chunks of one model with the same settings."""

    def __init__(
        self, workspace: Workspace, model_fingerprint: str, settings: dict[str, Any]
    ) -> None:
        """Locate the chunks; an embedding depends on nothing but model and `settings`."""
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
        name = f"{PREFIX}{model_fingerprint[:DIGITS]}-{key[:DIGITS]}"
        self.folder = workspace.embeddings / name

    def write(self, contents: NDArray[np.uint8], vectors: NDArray[np.float32]) -> None:
        """Write a chunk."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{secrets.token_hex(8)}.npz"
        write_atomically(path, lambda file: np.savez(file, contents=contents, vectors=vectors))

    def read(self) -> Iterator[Chunk]:
        """Yield the chunks."""
        for _, chunk in self._chunks():
            yield chunk

    def remove(self, contents: set[bytes]) -> None:
        """Remove the chunks whose images are all among these."""
        for path, (chunk_contents, _) in self._chunks():
            if contents.issuperset(map(bytes, chunk_contents)):
                path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.glob("*.npz")):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _chunks(self) -> Iterator[tuple[Path, Chunk]]:
        for path in sorted(self.folder.glob("*.npz")):
            try:
                with np.load(path, allow_pickle=False) as content:
                    chunk = content["contents"], content["vectors"]
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                path.unlink(missing_ok=True)  # Damaged: the images are embedded again
                continue
            yield path, chunk


def remove_orphans(workspace: Workspace) -> None:
    """Remove the chunks of models that are gone."""
    fingerprints = {model.fingerprint[:DIGITS] for model in list_artifacts(workspace.models)[0]}
    for folder in workspace.embeddings.glob(f"{PREFIX}*"):
        if folder.name.removeprefix(PREFIX).split("-")[0] not in fingerprints:
            shutil.rmtree(folder, ignore_errors=True)
