"""Images in the order in which a finder would have them looked at.

Shapes, in this file: R images ranked, N images looked at.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a finder lists, best find first."""

    rows: NDArray[np.int64]
    """(R,) rows of the embeddings."""

    scores: NDArray[np.float32]
    """(R,) what they are ranked by; each finder says what it means."""

    suggested: NDArray[np.int32]
    """(R,) the class that each looks like, as a place in `ImageLabels.classes`; -1 for none."""

    def kept(self, among: NDArray[np.bool_]) -> "Ranking":
        """Return the ranking of those that (N,) `among` marks."""
        keep = among[self.rows]
        return Ranking(self.rows[keep], self.scores[keep], self.suggested[keep])


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
