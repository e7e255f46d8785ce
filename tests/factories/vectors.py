"""Unit vectors for tests."""

import numpy as np
from numpy.typing import NDArray


def at_angles(*degrees: float) -> NDArray[np.float32]:
    """(N, 2) unit rows at these angles: two similarities are the cosine of their difference."""
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)
