"""Holding embeddings to what they must be: finite, of unit length."""

import numpy as np
from numpy.typing import NDArray

from core.errors import WorkbenchError

BLOCK = 1 << 16
"""Rows that are looked at together, so that mapped ones are not all in memory at once."""

TOLERANCE = 1e-2
"""How far from 1 a length may be: far more than rounding takes, far less than a mistake does."""

MIN_LENGTH = np.float32(1e-12)
"""What lengths are divided by at least, as in torch's `normalize`."""


def check_unit_rows(vectors: NDArray[np.float32]) -> None:
    """Refuse embeddings that no search could find.

    Args:
        vectors: (N, D) float32.

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
    """Return (B, D) rows of unit length; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: NDArray[np.float32] = vectors / np.maximum(lengths, MIN_LENGTH)
    return scaled
