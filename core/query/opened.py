"""An open index with everything that a search of it needs.

Scripts open one with `open_for_search`. The app makes its own, which shares models, forward passes
and caches between tabs.

Shapes, in this file: S pixels a side, D embedding dimensions, C classes.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset, open_dataset
from core.errors import WorkbenchError
from core.models.preprocessing import Preprocessing
from core.query.query import ImageSource, QueryImage
from core.workspace import Workspace

if TYPE_CHECKING:
    from core.embeddings.encoding import Encoder
    from core.embeddings.files import Embeddings
    from core.indexes.files import Index
    from core.query.ood import OODReference


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddedImage:
    """A query image as the model embeds it."""

    embedding: NDArray[np.float32]
    """(D,) of unit length."""

    probabilities: NDArray[np.float32]
    """(C,) that add up to 1; C is 0 for a model without classes."""

    batch_size: int = 1
    """Images in its forward pass, those of other queries among them."""

    wait_s: float = 0.0
    """Time until its forward pass began."""

    embed_s: float = 0.0
    """Time of the forward pass."""


EmbeddedImages: TypeAlias = tuple[Sequence[EmbeddedImage], float]
"""Embedded images, and the seconds that decoding them took."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedIndex:
    """An index, and how queries to it are embedded."""

    index: "Index"
    dataset: Dataset
    classes: Sequence[str]
    """The model's C classes, in the order of its outputs."""

    embed: Callable[[Sequence[QueryImage], Sequence[ImageSource]], EmbeddedImages]
    """Decodes and embeds query images."""

    embeddings: "Callable[[], Embeddings]"
    """Opens the embeddings that the index was built from; positive and negative examples are
    looked up in them."""

    ood_reference: "OODReference | None" = None
    """The top-1 similarities of held-out images, if they were measured."""


def check_model(index: "Index", model: Manifest) -> None:
    """Check that an index was built with this model.

    Raises:
        WorkbenchError: It was built with another one.
    """
    if model.fingerprint != index.manifest.made_from["model_fingerprint"]:
        raise WorkbenchError(
            f"The index {index.manifest.id} was made with another model than {model.id} is now.",
            "Build the index again.",
        )


def open_for_search(workspace: Workspace, index_id: str) -> OpenedIndex:
    """Open an index with its model and dataset.

    Raises:
        MissingError: The index, its model or its dataset was deleted.
        DamagedArtifactError: A file was changed.
        WorkbenchError: The model was trained again since the index was built.
    """
    return open_with_encoder(workspace, index_id)[0]


def open_with_encoder(workspace: Workspace, index_id: str) -> "tuple[OpenedIndex, Encoder]":
    """Open an index as `open_for_search` does, and return the encoder of its queries, too."""
    from core.embeddings.encoding import Encoder
    from core.embeddings.files import open_embeddings
    from core.indexes.files import open_index
    from core.models.model import load_model

    index = open_index(workspace, index_id)
    model = load_model(workspace, index.model)
    check_model(index, model.manifest)
    encoder = Encoder(model, index.encoding)
    opened = OpenedIndex(
        index=index,
        dataset=open_dataset(workspace, index.dataset),
        classes=model.classes,
        embed=lambda images, sources: embed_images(encoder, images, sources),
        embeddings=lambda: open_embeddings(workspace, index.embeddings),
    )
    return opened, encoder


def embed_images(
    encoder: "Encoder", images: Sequence[QueryImage], sources: Sequence[ImageSource]
) -> EmbeddedImages:
    """Decode query images and embed them in one forward pass.

    Raises:
        UnreadableImageError: One is not an image.
        WorkbenchError: A crop has too few pixels, or an embedding is zero or not finite.
    """
    if not images:
        return (), 0.0
    pixels, decode_s = decode_images(images, sources, encoder.model.config.preprocessing)
    started = time.perf_counter()
    embeddings, probabilities = encoder.embed(np.stack(pixels))
    embed_s = time.perf_counter() - started
    return [
        EmbeddedImage(
            embedding=embedding, probabilities=row, batch_size=len(images), embed_s=embed_s
        )
        for embedding, row in zip(embeddings, probabilities, strict=True)
    ], decode_s


def decode_images(
    images: Sequence[QueryImage], sources: Sequence[ImageSource], preprocessing: Preprocessing
) -> tuple[list[NDArray[np.uint8]], float]:
    """Decode the crops of query images.

    Returns:
        (3, S, S) uint8 for each, and the seconds that it took.

    Raises:
        UnreadableImageError: One is not an image.
        WorkbenchError: A crop has too few pixels.
    """
    from core.models.batches import load_square

    started = time.perf_counter()
    pixels = [
        load_square(source.open(), preprocessing, crop=image.crop, name=source.name)
        for image, source in zip(images, sources, strict=True)
    ]
    return pixels, time.perf_counter() - started
