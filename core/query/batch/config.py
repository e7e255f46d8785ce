"""What a user chooses before many queries are answered at once, frozen once chosen."""

from dataclasses import dataclass
from enum import StrEnum

from core.indexes.store import MAX_MATCHES


class BatchFormat(StrEnum):
    """What the table of answers is written as."""

    CSV = "csv"
    """Lists are JSON in their cells."""

    PARQUET = "parquet"
    """With types, and lists of its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BatchConfig:
    """How a batch of queries is answered.

    Raises:
        ValueError: `k` is out of range, or there is no such format.
    """

    index: str
    """Id of the index to search."""

    k: int = 10
    """Matches of each query, 1 to 1000; more than the index holds gives all."""

    format: BatchFormat = BatchFormat.CSV
    """csv with JSON lists, or parquet with types and lists; a row for each query."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "format", BatchFormat(self.format))
        if not 1 <= self.k <= MAX_MATCHES:
            raise ValueError(f"k must be in 1..{MAX_MATCHES}, got {self.k}")
