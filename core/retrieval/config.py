"""What a user chooses before an evaluation, frozen once chosen."""

from dataclasses import dataclass

from core.datasets.catalog import Split

MAX_MATCHES = 1000
"""Most matches of one query."""

QUERIES, CATEGORIES = "queries.csv", "categories.csv"
"""The files of an evaluation: a row for each query, and for each category."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluateConfig:
    """What to evaluate.

    Raises:
        ValueError: `queries` is no split, or the gallery's own.
    """

    index: str
    """Id of the index to search."""

    queries: str = Split.TEST
    """The split whose images are the queries: test or validation."""

    exact: bool = False
    """Also search exactly, and report how far the index agrees (neighbour recall)."""

    def __post_init__(self) -> None:
        if self.queries not in (Split.TEST, Split.VALIDATION):
            raise ValueError(f"queries must be test or validation, got {self.queries}")
