"""Component to crop and rotate an image."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.images.cropping import MAX_ANGLE, MIN_SIDE, Crop
from pages.parts.components.browser_component import component, ignore
from state import session

EDGES = ("left", "top", "right", "bottom")
TURN_ICON = (
    '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M5 11a6 6 0 1 0 2-5M7 2v4h4"/></svg>'
)
EDGES_OF_HANDLES = ("n", "e", "s", "w", "nw", "ne", "se", "sw")
HANDLES = "".join(f'<i data-edges="{edges}"></i>' for edges in EDGES_OF_HANDLES)
HTML = f"""
<div class="tool" role="group" aria-label="Crop and rotate">
  <div class="stage">
    <div class="clip"><img alt="Query image" draggable="false"><div class="kept"></div></div>
    <div class="crop" tabindex="0" role="group" aria-describedby="keys">
      <div class="seen"></div>{HANDLES}
    </div>
  </div>
  <div class="bar">
    <button type="button" class="turn" data-turns="3" title="Rotate left">{TURN_ICON}</button>
    <button type="button" class="turn" data-turns="1" title="Rotate right">{TURN_ICON}</button>
    <input type="range" step="1" aria-label="Straighten" title="Straighten">
    <output></output>
    <button type="button" class="reset" title="Remove crop and rotation">Reset</button>
  </div>
  <p class="foot">
    <span class="size"></span>
    <span class="hint">Drag to crop<span> · dashed: model input</span></span>
  </p>
  <p id="keys" hidden>Arrows move the crop, Shift and arrows resize it, Escape cancels a drag.</p>
</div>
"""

_MOUNT = component(
    "workbench_crop", Path(__file__).parent, HTML, ("crop.js", "crop_shapes.js"), "crop.css"
)


def draw(image_uri: str, width: int, height: int, crop: Crop, *, squashed: bool, key: str) -> Crop:
    """Show an image to crop and rotate, and return the current crop.

    The page reruns when a drag ends, not during it. The caller keeps the returned crop and passes
    it in again; a crop that differs from the last one returned, such as that of an undone step,
    replaces the one on screen.

    Args:
        image_uri: The upright, uncropped image as a data URI; 640 pixels are enough.
        width: Width of the original in pixels.
        height: Height of the original in pixels.
        crop: The current crop.
        squashed: Whether the network sees all of the crop, scaled to a square.
        key: Widget key; another image with the same key replaces this one.
    """
    name = hashlib.sha256(image_uri.encode()).hexdigest()[:16]
    last = session.value_of(f"{key}-shown") or ("", crop, 0)
    number = last[2] + (last[:2] != (name, crop))
    picture = f"{name}-{number}"  # Events of an earlier image are ignored
    chosen = _read_crop((session.value_of(key) or {}).get("crop"), picture) or crop
    _MOUNT(
        key=key,
        data={
            "picture": picture,
            "src": image_uri,
            "width": width,
            "height": height,
            "crop": asdict(crop),
            "least": MIN_SIDE,
            "most_angle": MAX_ANGLE,
            "squashed": squashed,
        },
        on_crop_change=ignore,
    )
    session.remember(f"{key}-shown", (name, chosen, number))
    return chosen


def _read_crop(sent: object, picture: str) -> Crop | None:
    """Return the crop that the browser sent; None if it is for another image or invalid.

    It is state and not a trigger, which a run that another one overtakes would lose. So it comes
    with every run, and names its image.
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
