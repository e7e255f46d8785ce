"""Color histograms: image descriptors without any learning, as a retrieval baseline.

Shapes, in this file: B images, S pixels a side.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BINS = (8, 4, 4)
"""Of hue, saturation and value; hue has the most, as in VisualSEEk (Smith & Chang 1996)."""

NUM_COLORS = BINS[0] * BINS[1] * BINS[2]
"""128, the usual number of embedding dimensions."""


def color_histograms(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the square root of the share of each of 128 colors (Swain & Ballard 1991).

    The cosine of two such rows, which have unit length, is the Bhattacharyya coefficient of the two
    histograms.

    Args:
        pixels: (B, 3, S, S) uint8, red, green, blue.

    Returns:
        (B, 128) float32 unit rows.
    """
    count, _, height, width = pixels.shape
    flat = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)).reshape(count * height, width, 3)
    hsv = np.asarray(Image.fromarray(flat).convert("HSV"), np.int64).reshape(count, -1, 3)
    hue, saturation, value = (hsv[..., axis] * BINS[axis] // 256 for axis in range(3))
    colors = (hue * BINS[1] + saturation) * BINS[2] + value
    keys = np.arange(count)[:, None] * NUM_COLORS + colors
    counts = np.bincount(keys.ravel(), minlength=count * NUM_COLORS).reshape(count, NUM_COLORS)
    rows: NDArray[np.float32] = np.sqrt(counts / (height * width)).astype(np.float32)
    return rows
