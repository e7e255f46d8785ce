"""JSON that may come from elsewhere: limits of size and depth, and the types of fields."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from core import files
from core.files import MAX_JSON_DEPTH, JsonError, parse_json, read_json
from core.options import from_json


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("text", [nested(100_000), '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_a_hundred_thousand_levels_are_refused(text: str) -> None:
    with pytest.raises(JsonError):
        parse_json(text)


def test_the_largest_depth_is_read_and_one_more_is_not() -> None:
    assert parse_json(nested(MAX_JSON_DEPTH))
    with pytest.raises(JsonError, match="more than 64 levels"):
        parse_json(nested(MAX_JSON_DEPTH + 1))


def test_many_values_are_no_depth() -> None:
    content = parse_json("[" + ",".join(["[1]"] * 50_000) + "]")
    assert len(content) == 50_000


@pytest.mark.parametrize("text", ["", "{", "nul", b"\xff\xfe", '{"a": 1} x', "[" * 50, "9" * 5000])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(JsonError, match="no JSON"):
        parse_json(text)


def test_a_large_file_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.json"
    path.write_text("[1, 2, 3]")
    assert read_json(path) == [1, 2, 3]
    monkeypatch.setattr(files, "MAX_JSON_BYTES", 8)
    monkeypatch.setattr(Path, "read_bytes", None)
    with pytest.raises(JsonError):
        read_json(path)


class Color(StrEnum):
    RED = "red"


@dataclass
class Record:
    name: str
    count: int
    share: float = 0.5
    label: str | None = None
    color: Color = Color.RED
    sizes: tuple[int, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    anything: Any = None


WHOLE: dict[str, Any] = {
    "name": "a",
    "count": 3,
    "share": 1,
    "label": None,
    "color": "red",
    "sizes": [1, 2],
    "files": {"a": "b"},
    "anything": {"deep": [1]},
}


def test_values_of_their_types_are_read() -> None:
    assert from_json(Record, WHOLE) == Record(**WHOLE)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"name": 3}, {"name": None}, {"count": True}, {"count": 3.0}, {"count": "3"}),
        *({"share": "1"}, {"share": False}, {"label": 7}, {"color": "blue"}, {"color": 1}),
        *({"sizes": [1, "2"]}, {"sizes": 3}, {"files": {"a": 1}}, {"files": ["a"]}, {"more": 1}),
    ],
)
def test_values_of_other_types_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        from_json(Record, WHOLE | wrong)


@pytest.mark.parametrize("content", [[], "text", None, 3, {"name": "a"}])
def test_what_is_no_such_object_is_refused(content: object) -> None:
    with pytest.raises(TypeError):
        from_json(Record, content)
