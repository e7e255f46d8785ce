"""A grid of pictures that can be clicked. Which pictures, and what a click means, is the page's."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).parent / "assets"

HTML = """
<div class="grid" role="group"></div>
<template>
  <button type="button" class="tile">
    <span class="picture">
      <img alt="" draggable="false"><span class="note"></span><span class="badge"></span>
    </span>
    <span class="title"></span>
    <span class="caption"></span>
  </button>
</template>
"""


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a gallery. All of its text is shown as it is, never as markdown or HTML."""

    id: int
    """What `gallery` returns when this tile is clicked."""

    src: str
    """The picture as a data URI; empty where there is none, and then `note` says why."""

    title: str = ""
    """First line under the picture."""

    caption: str = ""
    """Lines under the title, parted by newlines; each is cut off where the tile ends."""

    note: str = ""
    """Shown in the picture's place where there is none."""

    mark: str = ""
    """Frame and badge: `hit` or `miss` for an answer, `selected` for the chosen picture."""


_MOUNT = st.components.v2.component(
    "workbench_gallery",
    html=HTML,
    css=(ASSETS / "gallery.css").read_text(encoding="utf-8"),
    js=(ASSETS / "gallery.js").read_text(encoding="utf-8"),
)


def gallery(
    tiles: Sequence[Tile], *, key: str, tile_px: int = 128, label: str = "Pictures"
) -> int | None:
    """Show pictures in a grid and return the id of the one clicked, once per click.

    Args:
        tiles: The pictures, in reading order, their ids all different.
        key: Widget key; with the same key other tiles take the place of these without a jump.
        tile_px: Least width of a tile; tiles grow until they fill the row.
        label: What a screen reader calls the grid.

    Returns:
        The id of the tile whose click caused this run, else None.
    """
    result = _MOUNT(
        key=key,
        data={"tiles": [asdict(tile) for tile in tiles], "tile_px": tile_px, "label": label},
        on_clicked_change=_ignore,
    )
    # The browser sends it, so it may be anything
    return next((tile.id for tile in tiles if tile.id == result.clicked), None)


def _ignore() -> None:
    """Only triggers that have a callback are part of the result."""
