"""Settings of a batch query."""

from dataclasses import dataclass
from enum import StrEnum

from core.indexes.store import MAX_MATCHES
from core.options import bounded, check_fields


class BatchFormat(StrEnum):
    """File format of the results table."""

    CSV = "csv"
    """Lists are JSON in their cells."""

    PARQUET = "parquet"
    """With typed columns and lists."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchConfig:
    """How to search by many images.

    Raises:
        ValueError: `k` is out of range, or there is no such format.
    """

    index: str
    """Id of the index to search."""

    k: int = bounded(10, 1, MAX_MATCHES)
    """Number of matches of each query."""

    format: BatchFormat = BatchFormat.CSV
    """csv with JSON lists, or parquet with typed columns; one row for each query."""

    def __post_init__(self) -> None:
        check_fields(self)
