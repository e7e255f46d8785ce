"""Partial embeddings on disk, from runs that end early.

They are chunks, each complete or absent. A chunk is removed once an artifact has its embeddings, or
its model is gone.

Shapes, in this file: M embeddings, D dimensions.
"""

import hashlib
import json
import secrets
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import list_artifacts
from core.files import write_atomically
from core.workspace import Workspace

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
        """Locate the chunks.

        Args:
            workspace: Where everything is.
            model_fingerprint: Of the model.
            settings: All else that an embedding depends on.
        """
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
