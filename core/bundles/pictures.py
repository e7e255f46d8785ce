"""Comparison of a bundle's embeddings with its thumbnails: are they of these images?

Shapes, in this file: N embedded images, S sampled images, D embedding dimensions.
"""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.bundles.file import BundleFile, thumbnail_entry
from core.embeddings.encoding import Encoder
from core.embeddings.files import Embeddings
from core.images.decoding import open_image
from core.images.isolation import check_image
from core.images.squares import square_image
from core.models.model import Model
from core.models.preprocessing import Preprocessing
from core.progress import Progress, Work

NUM_SAMPLED = 64
BATCH = 16
BLOCK = 1 << 14
"""Embeddings that are compared at once, as they are mapped from disk."""

MARGIN = 0.1
"""By how much another row may be more similar to a thumbnail's embedding than its own row is, as a
share of the mean distance of two images."""

MAX_MISFITS = 0.5
"""Share of sampled images that may be beyond the margin. For a network with random weights and
pictures of noise it is a third, for a real one zero, for rows of other images nearly one."""

MAX_RANK = 0.3
"""Mean share of the rows that may be nearer to a thumbnail than its own row: 0.5 by chance."""

NEAR = 0.95
"""Similarity from which on a row fits a thumbnail whatever the other rows are: all are alike."""


def check_pictures(bundle: BundleFile, model: Model, embeddings: Embeddings) -> Work[None]:
    """Embed some of the thumbnails, and compare them with the rows of these images.

    A thumbnail has less detail than its image, so its embedding is another one, by as much as
    depends on the model and the pictures. So rows are not held to a similarity, but to the other
    rows: none may be much more similar to a thumbnail than its own. How much is too much depends on
    how far halving the thumbnail changes its embedding.

    On Caltech-101 with the starter backbone a thumbnail and its image have a similarity of 0.71 to
    0.99. For 319 of 320 thumbnails no row is nearer than their own, and for the last by 0.02. If
    rows are permuted, one is nearer by 0.25 to 1.23.

    Raises:
        WorkbenchError: A thumbnail cannot be read, or has no usable embedding.
        ValueError: There are no thumbnails, or rows belong to other images.
    """
    embedded = set(embeddings.image_ids.tolist())
    ids = [image.id for image in bundle.images() if image.id in embedded]
    if not ids:
        raise ValueError("it has no thumbnails, so its embeddings cannot be checked")
    sampled = np.random.default_rng(0).permutation(ids)[:NUM_SAMPLED]
    encoder = Encoder(model, embeddings.encoding)
    whole, halved = [], []
    for start in range(0, len(sampled), BATCH):
        yield Progress(start, len(sampled), "comparing with the thumbnails")
        part = sampled[start : start + BATCH].tolist()
        squares = [_squares(bundle, image_id, model.config.preprocessing) for image_id in part]
        whole.append(encoder.embed(np.stack([square for square, _ in squares]))[0])
        halved.append(encoder.embed(np.stack([square for _, square in squares]))[0])
    vectors = np.concatenate(whole)
    change = 1 - np.einsum("ij,ij->i", vectors, np.concatenate(halved))
    _compare(vectors, change, embeddings.vectors, embeddings.rows_of(sampled))


def _squares(
    bundle: BundleFile, image_id: int, preprocessing: Preprocessing
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the network's input for a thumbnail, and for one of half the side."""
    name = thumbnail_entry(image_id)
    content = bundle.read(name)
    check_image(BytesIO(content), name=name)  # In a process that may crash
    image = open_image(BytesIO(content), name=name)
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    return _square(image, preprocessing), _square(half, preprocessing)


def _square(image: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the network's input: (3, side, side)."""
    options = preprocessing.square
    square = square_image(image, options.side, options.interpolation, options.fit)
    return np.array(square, np.uint8).transpose(2, 0, 1)


def _compare(
    vectors: NDArray[np.float32],
    change: NDArray[np.float32],
    rows: NDArray[np.float32],
    own: NDArray[np.int64],
) -> None:
    """Raise `ValueError` if (N, D) embeddings are not those of (S, D) embedded thumbnails.

    Args:
        vectors: Embeddings of the thumbnails.
        change: (S,) by how much halving a thumbnail changes its embedding.
        rows: The embeddings.
        own: (S,) the row of each thumbnail's image.
    """
    similarity = np.einsum("ij,ij->i", vectors, rows[own])
    best, num_nearer = np.full(len(own), -1, np.float32), np.zeros(len(own))
    for start in range(0, len(rows), BLOCK):
        block = vectors @ rows[start : start + BLOCK].T
        best = np.maximum(best, block.max(axis=1))
        num_nearer += (block > similarity[:, None]).sum(axis=1)
    mean = rows.mean(axis=0, dtype=np.float64)
    margin = MARGIN * (1 - float(mean @ mean)) + change
    misfits = (best - similarity > margin) & (similarity < NEAR)
    ranks = np.where(similarity < NEAR, num_nearer / max(1, len(rows) - 1), 0)
    if misfits.mean() > MAX_MISFITS or ranks.mean() > MAX_RANK:
        raise ValueError(
            f"its embeddings are not those of its thumbnails: {int(misfits.sum())} of {len(own)} "
            "that were compared fit another image better"
        )
