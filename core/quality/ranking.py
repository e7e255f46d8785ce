"""Rankings: images in the order of a check.

Shapes, in this file: R ranked images, N analyzed images.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ranking:
    """The images that a check lists, in its order."""

    rows: NDArray[np.int64]
    """(R,) rows of the embeddings."""

    scores: NDArray[np.float32]
    """(R,) scores that the order follows; each check documents their meaning."""

    suggested: NDArray[np.int32]
    """(R,) suggested class of each, as a place in `ImageLabels.classes`; -1 for none."""

    def among(self, selected: NDArray[np.bool_]) -> "Ranking":
        """Return the ranking of the images that are (N,) `selected`."""
        remaining = selected[self.rows]
        return Ranking(self.rows[remaining], self.scores[remaining], self.suggested[remaining])


def ranked(
    rows: NDArray[np.int64],
    scores: NDArray[np.float32],
    suggested: NDArray[np.int32] | None = None,
    *,
    greatest_first: bool = True,
) -> Ranking:
    """Return (R,) rows in the order of their (R,) scores; ties in the order of the rows."""
    order = np.argsort(-scores if greatest_first else scores, kind="stable")
    if suggested is None:
        suggested = np.full(len(rows), -1, np.int32)
    return Ranking(rows[order], scores[order], suggested[order])
