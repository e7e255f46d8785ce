"""The sentence of a wait: said only if it is long, and taken back when it is over."""

import threading

import pytest
import streamlit as st

from pages.parts import waiting


class Place:
    """Stands in for `st.empty()` and keeps what was written there."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_said = threading.Event()

    def caption(self, sentence: str) -> None:
        self.said.append(sentence)
        self.is_said.set()

    def empty(self) -> None:
        self.said.append("")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    place = Place()
    monkeypatch.setattr(st, "empty", lambda: place)
    return place


def test_what_is_quick_says_nothing(place: Place) -> None:
    with waiting.note("Searching…"):
        pass
    assert place.said == [""]


def test_a_long_wait_is_said_until_it_is_over_even_if_it_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.01)
    said: list[list[str]] = []

    def wait_and_fail() -> None:
        with waiting.note("Searching…"):
            place.is_said.wait(30)
            said.append([*place.said])
            raise ValueError("gone")

    with pytest.raises(ValueError, match="gone"):
        wait_and_fail()
    assert said == [["Searching…"]]
    assert place.said == ["Searching…", ""]
