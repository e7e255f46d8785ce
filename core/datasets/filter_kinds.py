"""Kinds of image filters: the SQL condition of a value, its text form, and its description."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

V = TypeVar("V")
N = TypeVar("N", int, float)
C = TypeVar("C", bound="SqlChoice")

FILTER = "filter"
"""Key of a filter in the metadata of a field."""

Condition = tuple[str, list[object]]
"""A condition in SQL, and its parameters."""


class SqlChoice(StrEnum):
    """A choice with its SQL and the label that the pages show for it."""

    sql: str
    label: str

    def __new__(cls, value: str, sql: str = "", label: str = "") -> Self:
        """Return a new member; called with a value alone, the class looks a member up."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sql, member.label = sql, label
        return member


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter(ABC, Generic[V]):
    """A filter of images by a value of type V."""

    default: V
    """The value that stands for no filter."""

    option: str
    """Its name in a URL and, after two dashes, on the command line."""

    label: str
    """Its name on the pages."""

    help: str
    """Its explanation on the command line."""

    metavar: str = ""
    choices: tuple[str, ...] = ()
    """All texts that there are; () if they depend on the dataset."""

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of its command-line option, whose value is a list of texts."""
        return {
            "action": "append",
            "default": [],
            "metavar": self.metavar or self.option.upper(),
            "choices": self.choices or None,
        }

    @abstractmethod
    def condition(self, value: V) -> Condition:
        """Return the condition that images fulfill."""

    @abstractmethod
    def texts(self, value: V) -> list[str]:
        """Return a value as texts for a URL or the command line; empty for the default."""

    @abstractmethod
    def read(self, texts: Sequence[str]) -> V:
        """Return the value that texts stand for.

        Raises:
            ValueError: They stand for none.
        """

    @abstractmethod
    def parts(self, value: V) -> list[tuple[str, V]]:
        """Return a description of each part of a value, and the value without that part."""


def filtered(kind: Filter[V]) -> V:
    """Declare a field of a filter class."""
    return field(default=kind.default, metadata={FILTER: kind})


@dataclass(frozen=True, kw_only=True, slots=True)
class AnyOf(Filter[tuple[str, ...]]):
    """Images whose column has one of several values; "" stands for NULL."""

    default: tuple[str, ...] = ()
    column: str

    def condition(self, value: tuple[str, ...]) -> Condition:
        """Return the condition that the column has one of the values."""
        named = [each for each in value if each]
        sql = f"{self.column} IN ({_marks(named)})"  # No function of the column: an index has it
        return (sql if len(named) == len(value) else f"({sql} OR {self.column} IS NULL)"), [*named]

    def texts(self, value: tuple[str, ...]) -> list[str]:
        """Return the values."""
        return list(value)

    def read(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return the texts as values."""
        return tuple(texts)

    def parts(self, value: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
        """Return each value, and the other ones."""
        return [
            (f"{self.label}: {self.name_of(each)}", tuple(o for o in value if o != each))
            for each in value
        ]

    def name_of(self, value: str) -> str:
        """Return a value as the pages show it."""
        return value or f"no {self.label.lower()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AnyRelated(AnyOf):
    """Images that have one of several values in a table of their own, of any number an image."""

    table: str

    def condition(self, value: tuple[str, ...]) -> Condition:
        """Return the condition that an image has one of the values."""
        found = f"SELECT image_id FROM {self.table} WHERE {self.column} IN ({_marks(value)})"
        return f"id IN ({found})", [*value]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contains(Filter[str]):
    """Images whose column contains a text, in any case."""

    default: str = ""
    column: str

    def condition(self, value: str) -> Condition:
        """Return the condition that the column contains the text."""
        literal = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{self.column} LIKE ? ESCAPE '\\'", [f"%{literal}%"]

    def texts(self, value: str) -> list[str]:
        """Return the text."""
        return [value] if value else []

    def read(self, texts: Sequence[str]) -> str:
        """Return the last text."""
        return texts[-1] if texts else ""

    def parts(self, value: str) -> list[tuple[str, str]]:
        """Return the text."""
        return [(f"{self.label}: {value}", "")]


@dataclass(frozen=True, kw_only=True, slots=True)
class Range(Filter[tuple[N, N] | None], Generic[N]):
    """Images of which a number is in a range, both ends included."""

    default: tuple[N, N] | None = None
    metavar: str = "LOW-HIGH"
    expression: str
    """The number, in SQL."""

    columns: tuple[str, ...]
    """The columns that it is made of."""

    number: type[N]
    unit: str = ""
    is_log: bool = False
    """Whether a histogram has bins of equal width in the logarithm."""

    def condition(self, value: tuple[N, N] | None) -> Condition:
        """Return the condition that the number is in the range."""
        return f"{self.expression} BETWEEN ? AND ?", [*(value or ())]

    def texts(self, value: tuple[N, N] | None) -> list[str]:
        """Return the range as LOW-HIGH."""
        return [f"{value[0]:.9g}-{value[1]:.9g}"] if value else []

    def read(self, texts: Sequence[str]) -> tuple[N, N] | None:
        """Read LOW-HIGH.

        Raises:
            ValueError: It is not a range, or extends below 0.
        """
        text = texts[-1] if texts else ""
        if not text:
            return None
        low, _, high = text.partition("-")
        try:
            limits = float(low), float(high)
        except ValueError:
            limits = 1.0, 0.0
        if not 0 <= limits[0] <= limits[1] < float("inf"):
            raise ValueError(f"“{text}” is not a range; write LOW-HIGH, such as 64-1024")
        return self.number(limits[0]), self.number(limits[1])

    def parts(self, value: tuple[N, N] | None) -> list[tuple[str, tuple[N, N] | None]]:
        """Return the range."""
        form = ",d" if self.number is int else ".2f"
        limits = " to ".join(format(limit, form) for limit in value or ())
        return [(f"{self.label}: {limits} {self.unit}".rstrip(), None)]


@dataclass(frozen=True, kw_only=True, slots=True)
class OneOf(Filter[C]):
    """Images that fulfill the condition of a choice."""

    def condition(self, value: C) -> Condition:
        """Return the condition of the choice."""
        return value.sql, []

    def texts(self, value: C) -> list[str]:
        """Return the choice, unless it is the default."""
        return [] if value == self.default else [str(value)]

    def read(self, texts: Sequence[str]) -> C:
        """Return the last choice.

        Raises:
            ValueError: There is no such choice.
        """
        return type(self.default)(texts[-1]) if texts else self.default

    def parts(self, value: C) -> list[tuple[str, C]]:
        """Return the choice, and the default."""
        return [(f"{self.label}: {value.label.lower()}", self.default)]


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
