"""Models and indexes that are open: once for all tabs, and given back when others replace them.

Two of each stay open. Keys are ids and fingerprints, so that what was made anew is opened anew.
"""

import os
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
from state import memory
from state.batcher import Batcher, ModelClosedError

if TYPE_CHECKING:
    from core.embeddings.encoding import Encoding
    from core.indexes.files import Index
    from core.models.model import Model

# Before torch and faiss are loaded. Their threads spin while they wait for each other, and as soon
# as anything else runs here, each waits for one that is not running: a small query was seen to take
# 16 ms with threads that sleep, and 130 to 220 ms with those that spin, beside seven busy processes
# on two cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

GRACE_S = 1.0
"""How long opening another waits for a pass of the one that it replaces; beyond that its memory is
given back with the next that is replaced."""

_replaced: "SimpleQueue[Batcher[Encoding] | None]" = SimpleQueue()
"""What was let go since memory was last given back; None for an index."""


def model(model_id: str, fingerprint: str) -> "Model":
    """Open a model, or return the open one.

    Raises:
        MissingError: It is gone.
        WorkbenchError: It is damaged, or was replaced since its manifest was read.
    """
    return _opened(model_id, fingerprint)[0]


def index(index_id: str, fingerprint: str) -> "Index":
    """Open an index, or return the open one.

    Raises:
        MissingError: It is gone.
        WorkbenchError: It is damaged, or was replaced since its manifest was read.
    """
    opened = _open_index(index_id, fingerprint)
    _give_back()
    return opened


def embed(
    by: Manifest, encoding: "Encoding", images: Sequence[NDArray[np.uint8]]
) -> list[EmbeddedImage]:
    """Embed images with a model, together with what other tabs ask of it meanwhile.

    Args:
        by: The model's manifest.
        encoding: How, as the index has it that they are to search.
        images: (3, S, S) uint8 each, as `batches.load_square` reads them.

    Returns:
        What the model makes of each, in order.

    Raises:
        MissingError: The model is gone.
        ModelClosedError: It was replaced while they waited, and once more when it was open again.
        WorkbenchError: An image has no usable embedding, or the model cannot be opened.
    """
    try:
        return _opened(by.id, by.fingerprint)[1].embed(encoding, images)
    except ModelClosedError:
        return _opened(by.id, by.fingerprint)[1].embed(encoding, images)


def _opened(model_id: str, fingerprint: str) -> "tuple[Model, Batcher[Encoding]]":
    opened = _open_model(model_id, fingerprint)
    _give_back()
    return opened


def _let_go(opened: "tuple[Model, Batcher[Encoding]]") -> None:
    opened[1].close()  # Without waiting for it: all who look for a model wait for this function
    _replaced.put(opened[1])


def _let_go_of_index(_: "Index") -> None:
    _replaced.put(None)


def _give_back() -> None:
    """Return to the system what was replaced; by now nothing but its last pass holds it."""
    replaced: list[Batcher[Encoding] | None] = []
    with suppress(Empty):  # Another tab may be about the same
        while True:
            replaced.append(_replaced.get_nowait())
    for batcher in replaced:
        if batcher is not None:
            batcher.wait_closed(GRACE_S)
    if replaced:
        memory.give_back()


@st.cache_resource(max_entries=2, show_spinner="Opening the model…", on_release=_let_go)
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


@st.cache_resource(max_entries=2, show_spinner="Opening the index…", on_release=_let_go_of_index)
def _open_index(index_id: str, fingerprint: str) -> "Index":
    from core.indexes.files import open_index

    opened = open_index(open_workspace(), index_id)
    _check_same(opened.manifest, fingerprint)
    return opened


def _check_same(manifest: Manifest, fingerprint: str) -> None:
    if manifest.fingerprint != fingerprint:
        raise WorkbenchError(
            f"The {manifest.kind} {manifest.id} was replaced a moment ago.", "Ask once more."
        )
