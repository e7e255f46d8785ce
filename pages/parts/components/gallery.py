"""Gallery: a grid of images that can be clicked or selected."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from pages.parts.components.browser_component import component, ignore
from state import session

HTML = """
<div class="grid"></div>
<p id="keys" hidden></p>
<template>
  <span class="picture">
    <img alt="" draggable="false"><span class="note"></span><span class="badge"></span>
    <span class="chips"></span><span class="check"></span>
  </span>
  <span class="text"><span class="title"></span><span class="caption"></span></span>
</template>
"""


NO_OUTLINE = -1
"""For a gallery whose details cover it."""


@dataclass(frozen=True, slots=True)
class Tile:
    """An image of a gallery. Its texts are shown literally, never as Markdown or HTML."""

    id: int
    """Id of the tile in the result of a gallery."""

    src: str
    """The image as a data URI; empty if there is none, for the reason in `note`."""

    title: str = ""
    """First line under the image."""

    caption: str = ""
    """Lines under the title, separated by newlines; each is cut off at the edge of the tile."""

    note: str = ""
    """Text in place of a missing image."""

    mark: str = ""
    """Frame and badge: `hit` or `miss` for a match, `selected` for the image that a page is about,
    `excluded` for an excluded image."""

    chips: tuple[str, ...] = ()
    """Short texts on the image, such as tags; small tiles show the number of hidden ones."""

    def with_chip(self, word: str) -> "Tile":
        """Return the tile with one more chip."""
        return replace(self, chips=(*self.chips, word))


@dataclass(frozen=True, slots=True)
class GalleryEvent:
    """The user's actions in a gallery since the last run."""

    opened: int | None = None
    """Id of the tile that was opened."""

    selected: frozenset[int] | None = None
    """All selected ids, on this and other pages; None if the selection is unchanged."""


_MOUNT = component(
    "workbench_gallery",
    Path(__file__).parent,
    HTML,
    ("gallery.js", "gallery_select.js"),
    "gallery.css",
)


def gallery(
    tiles: Sequence[Tile],
    *,
    key: str,
    tile_px: int = 128,
    columns: int | None = None,
    label: str = "Images",
) -> int | None:
    """Show images in a grid; return the id of the tile whose click caused this run, else None.

    Args:
        tiles: The images, in reading order, with distinct ids.
        key: Widget key; with the same key other tiles replace these without a jump.
        tile_px: Minimum width of a tile; tiles grow until they fill the row.
        columns: Number of tiles in each row, regardless of their width.
        label: Name of the grid for screen readers.
    """
    return _mount(tiles, key, tile_px, label, None, columns)


def selectable_gallery(
    tiles: Sequence[Tile],
    *,
    selected: Collection[int],
    key: str,
    tile_px: int = 128,
    label: str = "Images",
    one_line: bool = False,
    opens: bool = True,
    outlined: int | None = NO_OUTLINE,
) -> GalleryEvent:
    """Show images in a grid that can be opened and selected; return the actions, once.

    The caller stores the selection, which may span pages, and passes it again:

        event = selectable_gallery(tiles, selected=chosen.picked, key="datasets-gallery")
        if event.selected is not None:
            chosen.picked = event.selected

    `selected` are all selected ids, on this page or not. `one_line` writes the caption beside the
    title; without `opens` a click selects. `outlined` is the id of the tile whose details are shown
    beside the grid, or None; a click outlines another one. The other arguments are those of
    `gallery`. A change is returned in a later run than the one it caused if another click
    interrupted that one.
    """
    ids = frozenset(tile.id for tile in tiles)
    before = frozenset(selected)
    stamp, after = _catch_up(key, ids, before)
    here = [tile.id for tile in tiles if tile.id in after]
    selection: dict[str, Any] = {
        "ids": here,
        "answered": stamp,
        "elsewhere": len(after) > len(here),
    }
    selection |= {"opens": opens, "outlined": outlined}
    clicked = (session.value_of(key) or {}).get("clicked")
    if outlined != NO_OUTLINE and clicked in ids:  # It is opened by this run
        selection["outlined"] = clicked
    opened = _mount(tiles, key, tile_px, label, selection, one_line=one_line)
    session.remember(_memory(key), (stamp, ids))
    return GalleryEvent(opened, after if after != before else None)


def _mount(
    tiles: Sequence[Tile],
    key: str,
    tile_px: int,
    label: str,
    selection: dict[str, Any] | None,
    columns: int | None = None,
    one_line: bool = False,
) -> int | None:
    result = _MOUNT(
        key=key,
        data={
            "tiles": [asdict(tile) for tile in tiles],
            "tile_px": tile_px,
            "columns": columns,
            "label": label,
            "selection": selection,
            "one_line": one_line,
        },
        on_clicked_change=ignore,
        on_changes_change=ignore,
    )
    # The browser sends it, so it may be anything
    return next((tile.id for tile in tiles if tile.id == result.clicked), None)


def _catch_up(
    key: str, ids: frozenset[int], before: frozenset[int]
) -> tuple[str | None, frozenset[int]]:
    """Return the stamp of the browser's latest changes, and the selection with them.

    They are state, not a trigger: a run may be cut short by the next click, and its triggers are
    lost with it. Being state they come with every run, so those of the last stamp are left alone.
    """
    sent = (session.value_of(key) or {}).get("changes")
    stamp = sent.get("stamp") if isinstance(sent, Mapping) else None
    if not isinstance(sent, Mapping) or not isinstance(stamp, str):
        return None, before
    # Without a memory the session is new, and the browser repeats what it told the one before
    last_stamp, last_ids = session.value_of(_memory(key)) or (stamp, ids)
    if stamp == last_stamp:
        return stamp, before
    known = ids | last_ids  # the page may have been turned since
    return stamp, (before | known & _read_ids(sent.get("on"))) - _read_ids(sent.get("off"))


def _read_ids(sent: object) -> set[int]:
    return {id_ for id_ in sent if isinstance(id_, int)} if isinstance(sent, list) else set()


def _memory(key: str) -> str:
    return f"{key}-answered"


def selection_buttons(
    prefix: str,
    selected: frozenset[int],
    here: Collection[int],
    select: Callable[[frozenset[int]], None],
    all_ids: Callable[[], Iterable[int]] | None = None,
) -> None:
    """Draw buttons that select the images of a page, or all, and that clear the selection.

    Args:
        prefix: What the widget keys begin with.
        selected: All ids that are selected.
        here: Ids of the images of the page.
        select: Called with the new selection.
        all_ids: Returns the ids on all pages; without it there is no button for them.
    """
    if not selected >= set(here):
        st.button(
            "Select page",
            key=f"{prefix}-pick-page",
            type="tertiary",
            on_click=select,
            args=(selected | set(here),),
        )
    if all_ids is not None:
        st.button(
            "Select all",
            key=f"{prefix}-pick-all",
            type="tertiary",
            on_click=lambda: select(frozenset(all_ids())),
        )
    if selected:
        st.button(
            "Clear",
            key=f"{prefix}-pick-none",
            type="tertiary",
            on_click=select,
            args=(frozenset[int](),),
        )
