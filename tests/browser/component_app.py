"""The components on a page of their own, for test_components.py.

The map is four blocks of 10 x 10 points, a tenth apart, around (-5, 5), (5, 5), (-5, -5), (5, -5).
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.maps import tiles
from core.maps.density import density
from core.maps.selection import in_box, in_polygon
from pages.parts.components import plotly_script, scatter_data, scatter_tiles
from pages.parts.components.gallery import Tile, gallery, selectable_gallery
from pages.parts.components.hover_images import HoverImage, hover_images
from pages.parts.components.scatter import scatter
from pages.parts.components.scatter_data import Highlight, Pin, ScatterData, ScatterEvent

plotly_script.STATIC = Path(os.environ["COMPONENT_APP_STATIC"])
PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs="
HOSTILE = '<b>bold</b> ![x](/evil.png) <a href="/evil">link</a>'
CENTERS = ((-5, 5), (5, 5), (-5, -5), (5, -5))


def set_points(most: int) -> None:
    """Set the number of points above which a map is drawn as tiles."""
    scatter_data.__dict__["MAX_POINTS"] = most


def four_blocks() -> ScatterData:
    steps = np.arange(10) * 0.1 - 0.45
    block = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    points = np.concatenate([block + center for center in CENTERS]).astype(np.float32)
    names = ["north west", "north east", "south west", HOSTILE]
    groups = np.repeat(np.arange(4), 100)
    return ScatterData(points=points, groups=groups, group_names=names, version="four")


LOOKS = ["numbers", "space", "pins", "only", "contours", "frames", "tiles"]


def looking(data: ScatterData, look: list[str]) -> ScatterData:
    if "numbers" in look:
        numbers = (np.arange(400) / 400).astype(np.float32)
        data = replace(data, values=numbers, value_title="a number", version="numbers")
    if "contours" in look:
        data = replace(data, density=density(data.points), version="contours")
    if "frames" in look:
        frames = [(f"epoch {n + 1}", data.points * np.float32(n / 2)) for n in range(3)]
        data = replace(data, frames=frames, version="frames")
    if "tiles" in look:
        set_points(300)
        tiles.MAX_SINGLE = 150
        data = replace(data, version=f"{data.version}-tiles")
    else:
        set_points(150_000)
    if "space" in look:
        points = np.column_stack([data.points, data.groups]).astype(np.float32)
        data = replace(data, points=points, version="space")
    return data


@st.fragment
def show_hover_images() -> None:
    """An image for each point, and the number of requests."""

    def images_near(place: int) -> dict[int, HoverImage]:
        st.session_state.requests = st.session_state.get("requests", 0) + 1
        return {place: HoverImage(PIXEL, f"point {place}\n{HOSTILE}")}

    hover_images("scatter", 400, images_near)
    st.text(f"requests: {st.session_state.get('requests', 0)}")


def inside(data: ScatterData, shape: ScatterEvent) -> NDArray[np.bool_]:
    if shape.kind == "lasso":
        found = in_polygon(data.points, np.stack([shape.x, shape.y], axis=1))
    else:
        low, high = np.stack([shape.x, shape.y], axis=1)
        found = in_box(data.points, low, high)
    return found & ~np.isin(data.groups, shape.hidden)


def num_inside(data: ScatterData, shape: ScatterEvent) -> int:
    return int(inside(data, shape).sum())


def show_gallery() -> None:
    page = int(st.toggle("second page"))
    tiles = [
        Tile(id=10 * page + 1, src=PIXEL, title=f"first of page {page}", caption="a", mark="hit"),
        Tile(id=10 * page + 2, src=PIXEL, title=HOSTILE, caption="b"),
        Tile(id=10 * page + 3, src="", title="third", note="The file is empty."),
    ]
    clicked = gallery(tiles, key="gallery")
    if clicked is not None:
        st.session_state.clicks = [*st.session_state.get("clicks", []), clicked]
    st.text(f"clicked now: {clicked}, so far: {st.session_state.get('clicks', [])}")


def show_selection() -> None:
    """Thirty tiles a page, numbered 1 to 30 and 101 to 130; what has happened stands under them."""
    state = st.session_state
    state.setdefault("picked", frozenset({130}))
    first = 101 if st.toggle("second page") else 1
    ids = range(first, first + (4 if st.toggle("few") else 30))
    if st.button("clear"):
        state.picked = frozenset()
    tiles = [Tile(id=number, src=PIXEL, title=f"tile {number}") for number in ids]
    tiles[1] = replace(tiles[1], title=HOSTILE, chips=("<i>one</i>", "two\nlines", "**3**", "4"))
    tiles[2] = replace(tiles[2], mark="excluded")
    opens = not st.toggle("clicks select")
    event = selectable_gallery(tiles, selected=state.picked, key="selection", opens=opens)
    if event.selected is not None:
        state.picked = event.selected
        state.reports = state.get("reports", 0) + 1
    if event.opened is not None:
        state.opened = [*state.get("opened", []), event.opened]
    st.text(f"selected: {sorted(state.picked)}")
    st.text(f"opened: {state.get('opened', [])}")
    st.text(f"reports: {state.get('reports', 0)}")


def show_scatter() -> None:
    state = st.session_state
    with st.container(horizontal=True):
        if st.button("dismiss"):
            state.selection, state.clears = None, state.get("clears", 0) + 1
        if st.button("highlight"):
            state.highlight = Highlight(0, [100, 200])
        if st.button("star"):
            state.highlight = Highlight(None, [100], (0.0, 0.0))
        look = st.pills("look", LOOKS, selection_mode="multi", label_visibility="collapsed")
    data = looking(four_blocks(), look)
    event = scatter(
        data,
        key="scatter",
        height=480,
        highlight=state.get("highlight"),
        pins=[Pin(0, PIXEL, "first"), Pin(1, PIXEL, "hidden"), Pin(399, PIXEL, "last")]
        if "pins" in look
        else (),
        only=[2] if "only" in look else (),
        selection=state.get("selection"),
        stamp=str(state.get("selection") or ""),
        clears=state.get("clears", 0),
    )
    selection = state.get("selection")
    if data.is_tiled:
        scatter_tiles.serve("scatter", data, inside(data, selection) if selection else None)
    show_hover_images()
    state.setdefault("events", [])
    if event:
        state.events = [*state.events, event.kind]
        state.point = event.index
        if event.kind != "click":
            state.selection = None if event.kind == "clear" else event
            if data.is_tiled:  # As the pages do; the plot gets the stamp of the selection
                st.rerun()
    selection = state.get("selection")
    st.text(f"selected: {num_inside(data, selection) if selection else 'nothing'}")
    st.text(f"point: {state.get('point')}")
    st.text(f"events: {' '.join(state.events)}.")


st.set_page_config(layout="wide")
view = st.segmented_control("view", ["gallery", "selection", "map", "neither"], default="neither")
st.button("run again")
if view == "gallery":
    show_gallery()
elif view == "selection":
    show_selection()
elif view == "map":
    show_scatter()
else:
    st.text("nothing here")
