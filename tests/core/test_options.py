import argparse
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from core.options import (
    add_options,
    as_arguments,
    bounded,
    bounds_of,
    check_fields,
    choices_of,
    default_of,
    field_docs,
    one_of,
    read_options,
)


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


@dataclass(frozen=True, kw_only=True)
class Cake:
    name: str
    """What it is called,
    on the menu."""

    layers: int = 2
    """How many."""

    sweetness: float = 0.5
    size: Size = Size.SMALL
    """How large."""

    iced: bool = False
    """Whether there is icing."""


def parse(*arguments: str) -> Cake:
    parser = argparse.ArgumentParser()
    add_options(parser, Cake)
    return read_options(parser.parse_args(list(arguments)), Cake)


@pytest.mark.parametrize(
    "cake",
    [
        Cake(name="plain"),
        Cake(name="rich", layers=4, sweetness=0.9, size=Size.LARGE, iced=True),
    ],
)
def test_a_config_survives_the_command_line(cake: Cake) -> None:
    assert parse(*as_arguments(cake)) == cake


def test_only_what_differs_is_written() -> None:
    assert as_arguments(Cake(name="plain", iced=True)) == ["--name", "plain", "--iced"]


def test_a_recipe_cannot_change_what_was_written_in_full() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, Cake)
    arguments = as_arguments(Cake(name="plain"), defaults_too=True)
    options = parser.parse_args(arguments)
    assert read_options(options, Cake, layers=9, iced=True) == Cake(name="plain")


def test_what_is_not_given_can_come_from_a_recipe() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, Cake)
    options = parser.parse_args(["--name", "x", "--layers", "3"])
    assert read_options(options, Cake, layers=9, iced=True) == Cake(name="x", layers=3, iced=True)


def test_explanations_are_read_from_under_the_fields() -> None:
    assert field_docs(Cake) == {
        "name": "What it is called, on the menu.",
        "layers": "How many.",
        "size": "How large.",
        "iced": "Whether there is icing.",
    }


def test_a_missing_or_wrong_value_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse()
    with pytest.raises(SystemExit, match="2"):
        parse("--name", "x", "--size", "huge")
    assert "huge" in capsys.readouterr().err


@dataclass(frozen=True, kw_only=True)
class Bounded:
    count: int = bounded(3, 1, 5)
    share: float = bounded(0.5, 0.0, 1.0)
    name: str = one_of("cosine", ["cosine", "l2"])

    def __post_init__(self) -> None:
        check_fields(self)


def test_bounds_and_choices_are_declared_once() -> None:
    assert (bounds_of(Bounded, "count"), default_of(Bounded, "share")) == ((1, 5), 0.5)
    assert choices_of(Bounded, "name") == ("cosine", "l2")
    assert Bounded(count=5, share=0.0) == Bounded(count=5, share=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"count": 6}, "count must be in 1..5, got 6"),
        ({"share": -0.1}, r"share must be in 0.0..1.0, got -0.1"),
        ({"share": float("nan")}, "share must be in"),
        ({"name": "dot"}, "name must be one of cosine, l2, got dot"),
    ],
)
def test_a_value_out_of_range_names_the_field(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bounded(**values)
