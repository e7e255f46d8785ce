"""A picture on which a crop is drawn and turned by hand. What it is cut out for is the page's."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from core.cropping import MAX_ANGLE, MIN_SIDE, WHOLE, Crop
from state import session

ASSETS = Path(__file__).parent.parent / "assets"
MODULE = ("crop.js", "crop_shapes.js")
"""Joined, for a component's code is one file."""

EDGES = ("left", "top", "right", "bottom")
MOST_KEPT = 100
"""Crops remembered in a tab, those of other pictures too."""

TURN_ICON = (
    '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M5 11a6 6 0 1 0 2-5M7 2v4h4"/></svg>'
)
EDGES_OF_HANDLES = ("n", "e", "s", "w", "nw", "ne", "se", "sw")
HANDLES = "".join(f'<i data-edges="{edges}"></i>' for edges in EDGES_OF_HANDLES)
HTML = f"""
<div class="tool" role="group" aria-label="Crop and turn">
  <div class="bar">
    <button type="button" class="turn" data-turns="3" title="Turn left">{TURN_ICON}</button>
    <button type="button" class="turn" data-turns="1" title="Turn right">{TURN_ICON}</button>
    <input type="range" step="1" aria-label="Straighten" title="Straighten">
    <output></output>
    <button type="button" class="reset" title="The whole picture again">Reset</button>
  </div>
  <div class="stage">
    <div class="clip"><img alt="" draggable="false"><div class="kept"></div></div>
    <div class="crop" tabindex="0" role="group" aria-describedby="keys">
      <div class="seen"></div>{HANDLES}
    </div>
  </div>
  <p class="size"></p>
  <p class="hint">Drag on the picture to crop it. The network sees the dashed square.</p>
  <p id="keys" hidden>Arrows move the crop, Shift and arrows resize it, Escape ends a drag.</p>
</div>
"""

_MOUNT = st.components.v2.component(
    "workbench_crop",
    html=HTML,
    css=(ASSETS / "crop.css").read_text(encoding="utf-8"),
    js="\n".join((ASSETS / name).read_text(encoding="utf-8") for name in MODULE),
)


def draw(picture_uri: str, width: int, height: int, *, key: str) -> Crop:
    """Show a picture to crop and turn, and return the crop as it stands.

    The page runs when a drag has ended, not while it lasts. The crop of each picture is kept while
    the tab is open: through reruns, visits to other pages and other pictures under the same key.

    Args:
        picture_uri: The upright picture, whole, as a data URI; some 640 pixels are plenty.
        width: Of the original, in pixels.
        height: Of the original, in pixels.
        key: Widget key; with the same key another picture takes the place of this one.
    """
    picture = _name(picture_uri)
    sent = (session.value_of(key) or {}).get("crop")
    crop = _read_crop(sent, picture) or _kept(key).get(picture, WHOLE)
    _MOUNT(
        key=key,
        data={
            "picture": picture,
            "src": picture_uri,
            "width": width,
            "height": height,
            "crop": asdict(crop),
            "least": MIN_SIDE,
            "most_angle": MAX_ANGLE,
        },
        on_crop_change=_ignore,
    )
    _keep(key, picture, crop)
    return crop


def crop_of(picture_uri: str, *, key: str) -> Crop:
    """Return the crop that was last drawn on a picture which is not shown now."""
    return _kept(key).get(_name(picture_uri), WHOLE)


def _read_crop(sent: object, picture: str) -> Crop | None:
    """Return what the browser sent, None if it is of another picture or makes no sense.

    It is state, not a trigger, for a run that another overtakes would lose that. So it comes with
    every run, and names its picture.
    """
    if not isinstance(sent, Mapping) or sent.get("picture") != picture:
        return None
    numbers: dict[str, Any] = {name: sent.get(name) for name in (*EDGES, "turns", "angle")}
    if not all(type(value) in (int, float) for value in numbers.values()):
        return None
    try:
        return Crop(**numbers)
    except ValueError:
        return None


def _name(picture_uri: str) -> str:
    return hashlib.sha256(picture_uri.encode()).hexdigest()[:16]


def _kept(key: str) -> dict[str, Crop]:
    """Return the crops of this tab, by picture, the one shown last at the end."""
    kept: dict[str, Crop] = session.value_of(f"{key}-kept") or {}
    return kept


def _keep(key: str, picture: str, crop: Crop) -> None:
    others = {name: value for name, value in _kept(key).items() if name != picture}
    newest = list(others.items())[-MOST_KEPT + 1 :]
    session.remember(f"{key}-kept", dict([*newest, (picture, crop)]))


def _ignore() -> None:
    """Only states that have a callback are part of the result."""
