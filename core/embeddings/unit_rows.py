"""Normalizing embeddings to unit length, and checking that they are."""

import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError

BLOCK = 1 << 16
"""Rows per block, as they may be mapped from disk."""

TOLERANCE = 1e-2
"""Largest deviation from length 1: far more than rounding, far less than a mistake."""

MIN_LENGTH = np.float32(1e-12)
"""Lower bound of the divisor, as in torch's `normalize`."""


def check_unit_rows(vectors: NDArray[np.float32]) -> None:
    """Raise an error unless all (N, D) float32 rows are finite and of unit length.

    Raises:
        WorkbenchError: Some are zero, not finite, or not of unit length.
    """
    num_wrong = 0
    for start in range(0, len(vectors), BLOCK):
        lengths = np.linalg.norm(vectors[start : start + BLOCK], axis=1)
        num_wrong += int((~(np.abs(lengths - 1) <= TOLERANCE)).sum())  # NaN is not near 1 either
    if num_wrong:
        raise WorkbenchError(
            f"{num_wrong} of {len(vectors)} embeddings are zero, not finite or not of unit length.",
            "Embed the images again; if that does not help, train the model again.",
        )


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (B, D) rows scaled to unit length; rows of zeros stay zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(lengths, MIN_LENGTH)
    return scaled
