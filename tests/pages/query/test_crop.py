"""What the crop's component takes from a browser."""

from math import inf, nan
from typing import Any

import pytest

from core.images.cropping import Crop
from pages.parts.query.crop import _read_crop

SENT = {"left": 0.25, "top": 0, "right": 1, "bottom": 0.5, "turns": 3, "angle": -2.5}


def test_a_crop_is_read_for_its_picture_only() -> None:
    read = _read_crop(SENT | {"picture": "a"}, "a")
    assert read == Crop(left=0.25, bottom=0.5, turns=3, angle=-2.5)
    assert _read_crop(SENT | {"picture": "b"}, "a") is None


@pytest.mark.parametrize(
    "nonsense",
    [
        *({"left": 0.9, "right": 0.1}, {"left": -0.1}, {"bottom": 1.5}, {"top": nan}),
        *({"turns": 4}, {"turns": 0.5}, {"turns": True}, {"turns": None}, {"turns": 10**400}),
        *({"angle": 46}, {"angle": inf}, {"angle": "3"}, {"left": [0]}, {"left": 10**400}),
    ],
    ids=lambda fields: str(fields)[:30],
)
def test_nonsense_from_a_browser_is_no_crop(nonsense: dict[str, Any]) -> None:
    assert _read_crop(SENT | {"picture": "a"} | nonsense, "a") is None


@pytest.mark.parametrize("sent", [None, 3, "crop", [], {}, {"picture": "a"}, {"left": 0.5}])
def test_what_is_no_crop_at_all_is_none(sent: object) -> None:
    assert _read_crop(sent, "a") is None
