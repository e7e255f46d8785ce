"""Embeddings on disk: the files of an artifact, opening and publishing them.

Shapes, in this file: N images, D embedding dimensions.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.folders import draft, open_artifact, publish
from core.artifacts.manifests import Manifest
from core.embeddings.encoding import Encoding, read_encoding
from core.embeddings.reuse import CONTENT_BYTES
from core.embeddings.task import EmbeddingTask
from core.errors import MissingError
from core.workspace import Workspace

VECTORS = "vectors.npy"
IMAGE_IDS = "image_ids.npy"
CONTENTS = "contents.npy"
PLAIN = "plain.npy"
"""The vectors before whitening, if there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEmbeddings:
    """Embeddings that need not be saved yet."""

    image_ids: NDArray[np.int64]
    """(N,) catalog ids, ascending."""

    contents: NDArray[np.uint8]
    """(N, 32) SHA-256 of the images; zeros if a file has changed since the scan."""

    plain: NDArray[np.float32]
    """(N, D) unit rows before whitening."""

    vectors: NDArray[np.float32]
    """(N, D) unit rows; `plain` itself without whitening."""

    encoding: Encoding
    """How images and queries are embedded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings(NewEmbeddings):
    """Saved embeddings, memory-mapped."""

    manifest: Manifest

    def rows_of(self, image_ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of those images that are embedded."""
        places = np.searchsorted(self.image_ids, image_ids)
        places = np.minimum(places, len(self.image_ids) - 1)
        rows: NDArray[np.int64] = places[self.image_ids[places] == image_ids]
        return rows


def open_embeddings(workspace: Workspace, embeddings_id: str) -> Embeddings:
    """Open embeddings for reading, after verifying their checksums.

    Raises:
        MissingError: There are no such embeddings.
        DamagedArtifactError: A file was changed.
    """
    manifest = open_artifact(workspace.embeddings, embeddings_id)
    folder = workspace.embeddings / embeddings_id
    arrays = {
        name: np.load(folder / name, mmap_mode="r", allow_pickle=False)
        for name in (VECTORS, CONTENTS, PLAIN)
        if name in manifest.files
    }
    vectors = arrays[VECTORS]
    return Embeddings(
        manifest=manifest,
        vectors=vectors,
        image_ids=np.load(folder / IMAGE_IDS, allow_pickle=False),
        # Old embeddings lack the checksums
        contents=arrays.get(CONTENTS, np.zeros((len(vectors), CONTENT_BYTES), np.uint8)),
        plain=arrays.get(PLAIN, vectors),
        encoding=read_encoding(folder, manifest.made_from, manifest.config),
    )


def embeddings_of(workspace: Workspace, index: Manifest) -> Embeddings:
    """Open the embeddings that an index was built from.

    Raises:
        MissingError: They are gone.
        DamagedArtifactError: A file was changed.
    """
    with suppress(MissingError):
        embeddings = open_embeddings(workspace, index.made_from["embeddings"])
        if embeddings.manifest.fingerprint == index.made_from["embeddings_fingerprint"]:
            return embeddings
    raise MissingError(
        f"The embeddings of the index “{index.id}” are gone.", "Rebuild it on the Indexes page."
    )


def publish_embeddings(
    workspace: Workspace, task: EmbeddingTask, embeddings: NewEmbeddings, summary: dict[str, Any]
) -> Manifest:
    """Save embeddings as an artifact."""
    with draft(workspace.embeddings) as folder:
        np.save(folder / VECTORS, embeddings.vectors)
        np.save(folder / IMAGE_IDS, embeddings.image_ids)
        np.save(folder / CONTENTS, embeddings.contents)
        if embeddings.vectors is not embeddings.plain:
            np.save(folder / PLAIN, embeddings.plain)
        embeddings.encoding.write(folder)
        return publish(
            folder,
            kind="embeddings",
            stem=task.stem,
            config=task.settings,
            made_from=task.made_from,
            summary=summary,
        )
