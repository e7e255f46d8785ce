"""Open models and indexes, shared by all tabs; two of each stay open.

Their keys are ids and fingerprints, so that a new artifact of the same id is opened again.
"""

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.errors import WorkbenchError
from core.query.opened import EmbeddedImage
from core.workspace import open_workspace
from state.batcher import Batcher, ModelClosedError

if TYPE_CHECKING:
    from core.embeddings.encoding import Encoding
    from core.indexes.files import Index
    from core.models.model import Model

GRACE_S = 1.0
"""Longest wait, on opening a model, for the last pass of the one it replaces; after a timeout the
memory is released with that of the next replaced model."""

_replaced: "SimpleQueue[Batcher[Encoding] | None]" = SimpleQueue()
"""Batchers of models replaced since memory was last released; None for an index."""

_versions: dict[str, str] = {}
"""Id → fingerprint of the version of each index that was opened last."""


def model(model_id: str, fingerprint: str) -> "Model":
    """Open a model, or return the open one.

    Raises:
        MissingError: It does not exist.
        WorkbenchError: It is damaged, or was replaced after its manifest was read.
    """
    return _opened(model_id, fingerprint)[0]


def index(index_id: str, fingerprint: str) -> "Index":
    """Open an index, or return the open one.

    Raises:
        MissingError: It does not exist.
        WorkbenchError: It is damaged, or was replaced after its manifest was read.
    """
    opened = _open_index(index_id, fingerprint)
    _release_memory()
    return opened


def embed(
    by: Manifest, encoding: "Encoding", images: Sequence[NDArray[np.uint8]]
) -> list[EmbeddedImage]:
    """Embed images with a model, in forward passes shared with other tabs.

    Args:
        by: The model's manifest.
        encoding: The encoding of the searched index.
        images: (3, S, S) uint8 each, as `batches.load_square` reads them.

    Returns:
        The embedded images, in order.

    Raises:
        MissingError: The model is gone.
        ModelClosedError: The model was replaced while they waited, and again after a retry.
        WorkbenchError: An image has no usable embedding, or the model cannot be opened.
    """
    try:
        return _opened(by.id, by.fingerprint)[1].embed(encoding, images)
    except ModelClosedError:
        return _opened(by.id, by.fingerprint)[1].embed(encoding, images)


def _opened(model_id: str, fingerprint: str) -> "tuple[Model, Batcher[Encoding]]":
    opened = _open_model(model_id, fingerprint)
    _release_memory()
    return opened


def _release_model(opened: "tuple[Model, Batcher[Encoding]]") -> None:
    opened[1].close()  # Without waiting: every tab that opens a model waits for this function
    _replaced.put(opened[1])


def _release_index(_: "Index") -> None:
    _replaced.put(None)


def _release_memory() -> None:
    """Release the memory of replaced models and indexes; only a last pass can still refer to it."""
    replaced: list[Batcher[Encoding] | None] = []
    with suppress(Empty):  # Another tab may be emptying the queue too
        while True:
            replaced.append(_replaced.get_nowait())
    for batcher in replaced:
        if batcher is not None:
            batcher.wait_closed(GRACE_S)
    if replaced:
        _trim_heap()


def _trim_heap() -> None:
    """Return freed memory to the system if the C library is glibc.

    glibc reserves freed blocks between used ones: opening several VGG-16 in sequence, two at a
    time, took a process from 680 MB to 1.0 GB, and with this call to 650 MB. It takes up to 80 ms.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@st.cache_resource(max_entries=2, show_spinner="Opening the model…", on_release=_release_model)
def _open_model(model_id: str, fingerprint: str) -> "tuple[Model, Batcher[Encoding]]":
    from core.embeddings.encoding import Encoder
    from core.models.model import load_model

    loaded = load_model(open_workspace(), model_id)
    _check_same(loaded.manifest, fingerprint)

    def embed_batch(
        encoding: "Encoding", pixels: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return Encoder(loaded, encoding).embed(pixels)

    return loaded, Batcher(embed_batch, name=model_id)


@st.cache_resource(max_entries=2, show_spinner="Opening the index…", on_release=_release_index)
def _open_index(index_id: str, fingerprint: str) -> "Index":
    from core.indexes.files import open_index

    opened = open_index(open_workspace(), index_id)
    _check_same(opened.manifest, fingerprint)
    before = _versions.get(index_id)
    if before is not None and before != fingerprint:
        _open_index.clear(index_id, before)  # Searches that use it finish with it
    _versions[index_id] = fingerprint
    return opened


def _check_same(manifest: Manifest, fingerprint: str) -> None:
    if manifest.fingerprint != fingerprint:
        raise WorkbenchError(
            f"The {manifest.kind} {manifest.id} was just replaced.", "Search again."
        )
