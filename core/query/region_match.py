"""Similarity maps: the similarity of two images, split over the locations of both.

Shapes, in this file: S pixels a side, H × W locations of the query and as many of the match, D
embedding dimensions.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from core.embeddings.encoding import Encoder
from core.embeddings.unit_rows import MIN_LENGTH, check_unit_rows
from core.images.squares import SQUASH
from core.models.spatial_attribution import spatial_attribution

Values = NDArray[np.float32]

TOP_SHARE = 0.1
"""Share of a similarity map's pixels that count as its hottest."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RegionComparison:
    """How much each location adds to the similarity of two images.

    A negative value lowers the similarity.
    """

    similarity: float
    """Cosine similarity of the two embeddings in [-1, 1]; the maps add up to it."""

    query_heat: Values
    """(H, W) float32: what each location of the query adds to the similarity."""

    match_heat: Values
    """(H, W) float32: what each location of the match adds to it."""

    squashed: bool
    """Whether the network sees all of both images, scaled to squares, and not their centers."""

    matrix: Values
    """(H, W, H, W) float32: what each pair of a query location (the first two axes) and a match
    location adds. The sum over the other image is a location's heat."""


def compare_regions(
    encoder: Encoder, query_pixels: NDArray[np.uint8], match_pixels: NDArray[np.uint8]
) -> RegionComparison:
    """Split the similarity of two images over the locations of both.

    Each embedding is a sum over locations (see `spatial_attribution`), so their product is a sum
    over pairs of locations (Zhu, Yang & Chen 2021, Visual Explanation for Deep Metric Learning).
    The split is exact: with flip, the mirror image's locations are mirrored back and added; with
    whitening, the mean is subtracted from all locations in equal parts.

    Args:
        encoder: The index's model and encoding; here it always computes in float32.
        query_pixels: (3, S, S) uint8, as `batches.load_square` reads it.
        match_pixels: (3, S, S) uint8, the same.

    Returns:
        Maps of the squares that the network sees.

    Raises:
        WorkbenchError: An embedding is zero or not finite.
    """
    query, match = _unit_parts(encoder, np.stack([query_pixels, match_pixels]))
    query_sum, match_sum = query.sum(axis=(0, 1)), match.sum(axis=(0, 1))
    return RegionComparison(
        similarity=float(query_sum @ match_sum),
        query_heat=query @ match_sum,
        match_heat=match @ query_sum,
        squashed=encoder.model.config.fit == SQUASH,
        matrix=np.tensordot(query, match, axes=(2, 2)),
    )


def enlarged(heat: Values, side: int) -> Values:
    """Return an (H, W) map as (side, side) float32, interpolated bilinearly as on the page."""
    smooth: Values = functional.interpolate(
        torch.from_numpy(heat)[None, None], (side, side), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    return smooth


def object_lift(heat: Values, inside: NDArray[np.bool_]) -> float:
    """Return how many times more often than by chance the hottest tenth lies inside an object.

    Args:
        heat: (H, W) float32.
        inside: (side, side) whether a pixel of the network's input shows the object.

    Raises:
        ValueError: No pixel shows the object.
    """
    if not inside.any():
        raise ValueError("inside must be True somewhere")
    hottest = np.argsort(-enlarged(heat, len(inside)), axis=None)[: round(inside.size * TOP_SHARE)]
    return float(inside.ravel()[hottest].mean() / inside.mean())


def _unit_parts(encoder: Encoder, pixels: NDArray[np.uint8]) -> Values:
    """Return (2, H, W, D) float32 whose sums over H and W are what `Encoder.embed` returns."""
    model, encoding = encoder.model, encoder.encoding
    parts = _to_unit(spatial_attribution(model.network, model.device, pixels))
    if encoding.flip:
        turned = np.ascontiguousarray(pixels[..., ::-1])
        mirrored = _to_unit(spatial_attribution(model.network, model.device, turned))
        parts = _to_unit(parts + mirrored[:, :, ::-1])
    if encoding.whitening is not None:
        num_places = parts.shape[1] * parts.shape[2]
        centered = parts - encoding.whitening.mean / num_places
        parts = _to_unit(centered @ encoding.whitening.matrix.T)
    check_unit_rows(parts.sum(axis=(1, 2)))
    return parts


def _to_unit(parts: Values) -> Values:
    """Scale (2, H, W, D) such that each sum over H and W has unit length."""
    lengths = np.linalg.norm(parts.sum(axis=(1, 2)), axis=1)
    scaled: Values = parts / np.maximum(lengths, MIN_LENGTH)[:, None, None, None]
    return scaled
