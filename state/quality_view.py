"""State of the Data quality page: check, filters and page number as one value."""

from dataclasses import dataclass, replace
from typing import Any

from core.quality.config import THRESHOLD, Check


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityView:
    """A page of a check's list."""

    check: Check = Check.LABEL_ISSUES
    labels: tuple[str, ...] = ()
    """Classes of the listed images; all if empty."""

    splits: tuple[str, ...] = ()
    """Splits of the listed images; all if empty."""

    most_first: bool = False
    """Whether the most typical images come first."""

    threshold: float = THRESHOLD
    """Min. cosine similarity of near-duplicates, 0.5 to 1."""

    cluster: int | None = None
    """Number of the open cluster; None shows all clusters."""

    page: int = 1

    def changed(self, **fields: Any) -> "QualityView":
        """Return the view with changed fields, at its first page."""
        return replace(self, **({"page": 1} | fields))
