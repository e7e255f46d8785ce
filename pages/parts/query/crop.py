"""A picture on which a crop is drawn and turned by hand. What it is cut out for is the page's."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from core.images.cropping import MAX_ANGLE, MIN_SIDE, Crop
from state import session

ASSETS = Path(__file__).parent
MODULE = ("crop.js", "crop_shapes.js")
"""Joined, for a component's code is one file."""

EDGES = ("left", "top", "right", "bottom")
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


def draw(picture_uri: str, width: int, height: int, crop: Crop, *, key: str) -> Crop:
    """Show a picture to crop and turn, and return the crop as it stands.

    The page runs when a drag has ended, not while it lasts. It keeps what is returned and gives it
    again; a crop other than the last one returned, such as that of an earlier step, is drawn anew.

    Args:
        picture_uri: The upright picture, whole, as a data URI; some 640 pixels are plenty.
        width: Of the original, in pixels.
        height: Of the original, in pixels.
        crop: What is cut out so far.
        key: Widget key; with the same key another picture takes the place of this one.
    """
    name = hashlib.sha256(picture_uri.encode()).hexdigest()[:16]
    last = session.value_of(f"{key}-shown") or ("", crop, 0)
    number = last[2] + (last[:2] != (name, crop))
    picture = f"{name}-{number}"  # What the browser says of an earlier one is not listened to
    chosen = _read_crop((session.value_of(key) or {}).get("crop"), picture) or crop
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
    session.remember(f"{key}-shown", (name, chosen, number))
    return chosen


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


def _ignore() -> None:
    """Only states that have a callback are part of the result."""
