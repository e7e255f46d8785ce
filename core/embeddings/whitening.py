"""PCA whitening of embeddings.

Shapes, in this file: N embeddings, D dimensions.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import DamagedArtifactError, WorkbenchError
from core.files import write_atomically

WHITENING = "whitening.npz"
BLOCK = 1 << 16
"""Rows per block, which is converted to float64."""

MIN_VARIANCE = 1e-6
"""Share of the largest variance below which directions are dropped: they are rounding errors, which
whitening would amplify."""


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """An affine map; compared by value, so that an encoding can be a key."""

    mean: NDArray[np.float32]
    """(D,) subtracted from each embedding."""

    matrix: NDArray[np.float32]
    """(D, D), a row per direction; zeros for dropped directions."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Whitening):
            return NotImplemented
        return np.array_equal(self.mean, other.mean) and np.array_equal(self.matrix, other.matrix)

    def __hash__(self) -> int:
        return hash(self.mean.tobytes())

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (N, D) float32 whitened rows, which are not of unit length."""
        whitened = (vectors - self.mean) @ self.matrix.T
        return whitened.astype(np.float32, copy=False)

    def write(self, folder: Path) -> None:
        """Save it in a folder."""
        write_atomically(
            folder / WHITENING,
            lambda file: np.savez(file, mean=self.mean, matrix=self.matrix),
        )


def read_whitening(folder: Path) -> Whitening:
    """Read a whitening that `Whitening.write` saved, whose checksum has been verified.

    Raises:
        DamagedArtifactError: Another program wrote it: it is compressed.
    """
    path = folder / WHITENING
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
            raise DamagedArtifactError(
                f"{folder.name}/{WHITENING} was not written by this app.", "Embed the images again."
            )
    with np.load(path, allow_pickle=False) as content:
        return Whitening(content["mean"], content["matrix"])


def fit_whitening(vectors: NDArray[np.float32]) -> Whitening:
    """Fit a PCA whitening (Jégou & Chum 2012) to the (N, D) float32 embeddings of the train images.

    Raises:
        WorkbenchError: There are too few, or they are all the same.
    """
    count, dimension = vectors.shape
    if count <= dimension:
        raise WorkbenchError(
            f"Whitening {dimension}-dimensional embeddings needs at least {dimension + 1} train "
            f"images; {count} are embedded.",
            "Embed without whitening, or add images.",
        )
    mean = vectors.mean(axis=0, dtype=np.float64)
    variances, directions = np.linalg.eigh(covariance(vectors, mean))  # Ascending; in columns
    used = variances > max(MIN_VARIANCE * variances[-1], np.finfo(np.float32).tiny)
    if not used.any():
        raise WorkbenchError(
            f"The {count} embeddings of train images are all the same: there is nothing to whiten.",
            "Embed without whitening, or train the model again.",
        )
    scales = np.zeros(dimension)
    scales[used] = 1 / np.sqrt(variances[used])
    matrix = (directions * scales).T[::-1]  # Largest variance first
    return Whitening(mean.astype(np.float32), np.ascontiguousarray(matrix, np.float32))


def covariance(vectors: NDArray[np.float32], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (D, D) covariance of (N, D) embeddings, which may be mapped, and their mean."""
    total = np.zeros((len(mean), len(mean)))
    for start in range(0, len(vectors), BLOCK):
        centered = vectors[start : start + BLOCK] - mean
        total += centered.T @ centered
    divided: NDArray[np.float64] = total / (len(vectors) - 1)
    return divided
