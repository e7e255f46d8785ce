"""Tiles of a scatter plot of very many points, drawn by the server and served in a fragment.

Shapes, in this file: N points.
"""

import base64
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.maps.tiles import Points, Tile, Viewport, draw_tile
from pages.parts.components.browser_component import component, ignore
from pages.parts.components.scatter_data import (
    PALETTE,
    SCALE,
    ScatterData,
    encode,
    encode_points,
)
from state import session

_MOUNT = component(
    "workbench_map_tiles", Path(__file__).parent, "<span hidden></span>", ["map_tiles.js"]
)

FIRST_PX = 1000
"""Longer side of the tile of a whole map, which is drawn before the size of the plot is known."""

MAX_PX = 8192
MARGIN = 0.04
"""Width of the margin around the points, as a share of the map's."""

STEPS = 256
"""Colors that the numbers of points get."""

BY_VERSION: Any = {ScatterData: lambda data: data.version}


@st.fragment
def serve(key: str, data: ScatterData, selected: NDArray[np.bool_] | None = None) -> None:
    """Serve the tiles of a tiled plot, without rerunning the page.

    Args:
        key: Widget key of the scatter plot.
        data: Its data.
        selected: (N,) points that are not faded; all if None. With another selection the plot needs
            another `stamp`.
    """
    link = f"{key}-tiles"
    # The browser may send anything
    sent: Any = (session.value_of(link) or {}).get("requested")
    viewport = _viewport(sent)
    tile = None
    if viewport is not None and sent.get("version") == data.version:
        hidden = tuple(group for group in sent.get("hidden", ()) if isinstance(group, int))
        drawn = draw_tile(_points(data), viewport, hidden=hidden, selected=selected)
        tile = _encoded(data, drawn, viewport, selected) | {"key": sent.get("key")}
    _MOUNT(key=link, data={"channel": key, "tile": tile}, on_requested_change=ignore)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=BY_VERSION)
def first_tile(data: ScatterData) -> dict[str, Any]:
    """Return the tile of the whole map, with the groups that have points."""
    low, high = data.points.min(axis=0).astype(float), data.points.max(axis=0).astype(float)
    margin = MARGIN * np.where(high > low, high - low, 1)
    low, high = low - margin, high + margin
    width, height = (FIRST_PX * (high - low) / (high - low).max()).astype(int).tolist()
    viewport = Viewport(
        low=(low[0], low[1]), high=(high[0], high[1]), width=max(width, 1), height=max(height, 1)
    )
    present = np.unique(data.groups).tolist()
    return _encoded(data, draw_tile(_points(data), viewport), viewport, None) | {"present": present}


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_VERSION)
def _points(data: ScatterData) -> Points:
    """Return the points with their colors; numbers are colored by their step of the scale."""
    if data.values is None:
        own = dict(enumerate(data.group_colors))
        names = [
            own.get(group, PALETTE[group % len(PALETTE)]) for group in range(len(data.group_names))
        ]
        return Points(points=data.points, colors=_rgb(names), groups=data.groups)
    low, high = float(data.values.min()), float(data.values.max())
    shares = (data.values - low) / ((high - low) or 1)
    stops = [stop for stop, _ in SCALE]
    places = np.linspace(0, 1, STEPS)
    scale = _rgb([color for _, color in SCALE])
    colors = np.stack([np.interp(places, stops, scale[:, each]) for each in range(3)], axis=1)
    steps = (shares * (STEPS - 1)).astype(np.int16)
    return Points(points=data.points, colors=colors.astype(np.uint8), groups=steps)


def _rgb(colors: list[str]) -> NDArray[np.uint8]:
    return np.array([list(bytes.fromhex(color[1:])) for color in colors], np.uint8).reshape(-1, 3)


def _encoded(
    data: ScatterData, tile: Tile, viewport: Viewport, selected: NDArray[np.bool_] | None
) -> dict[str, Any]:
    src = None
    if tile.png is not None:
        src = f"data:image/png;base64,{base64.b64encode(tile.png).decode('ascii')}"
    return encode_points(data, tile.places) | {
        "version": data.version,
        "src": src,
        "low": viewport.low,
        "high": viewport.high,
        "selected": None if selected is None else encode(selected[tile.places], "u1"),
    }


def _viewport(sent: object) -> Viewport | None:
    """Return the part of the map that the browser asks for; None if it is invalid."""
    if not isinstance(sent, dict):
        return None
    numbers = [sent.get(name) for name in ("low", "high")]
    if not all(isinstance(each, list) and len(each) == 2 for each in numbers):
        return None
    flat = [value for each in numbers for value in each]  # type: ignore[union-attr]
    size = [sent.get(name) for name in ("width", "height")]
    if not all(isinstance(each, int | float) and isfinite(each) for each in (*flat, *size)):
        return None
    left, lower, right, upper = map(float, flat)
    width, height = (int(each) for each in size)  # type: ignore[arg-type]
    if not (left < right and lower < upper and 0 < width <= MAX_PX and 0 < height <= MAX_PX):
        return None
    return Viewport(low=(left, lower), high=(right, upper), width=width, height=height)
