"""Embeddings for the tests of maps."""

import numpy as np
from numpy.typing import NDArray

from tests.factories.vectors import at_angles


def on_circle() -> NDArray[np.float32]:
    """(6, 2) unit vectors with increasing distances."""
    return at_angles(0, 10, 30, 60, 100, 150)


def random_rows(count: int, dimension: int) -> NDArray[np.float32]:
    """(N, D) random unit rows."""
    rows = np.random.default_rng(0).normal(size=(count, dimension))
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit.astype(np.float32)
