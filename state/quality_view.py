"""What the Finders page shows: which finder, among which images, as one value."""

from dataclasses import dataclass, replace
from typing import Any

from core.quality.config import THRESHOLD, Check


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityView:
    """A stretch of what a finder lists."""

    check: Check = Check.LABEL_ISSUES
    labels: tuple[str, ...] = ()
    """Only images of these classes; of any where there are none."""

    splits: tuple[str, ...] = ()
    """Only images in these splits; in any where there are none."""

    most_first: bool = False
    """The most typical images before the least."""

    threshold: float = THRESHOLD
    """Cosine similarity from which on images are alike, 0.5 to 1."""

    cluster: int | None = None
    """The number of the cluster whose images are shown; None for all clusters."""

    page: int = 1

    def changed(self, **fields: Any) -> "QualityView":
        """Return the view with other values of these fields, from its first page on."""
        return replace(self, **({"page": 1} | fields))
