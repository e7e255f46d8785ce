"""Groups of duplicates side by side, with buttons that exclude all images but one."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

import streamlit as st

from core.datasets import curation
from core.datasets.columns import ImageRow
from core.datasets.duplicates import Group, Kind, proposal
from core.datasets.registry import Dataset
from pages.parts.components import exclude_dialog
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.text import counted
from pages.parts.components.tiles import SHORT_SPLITS, tiles_of
from state import session

GROUPS_A_PAGE = 12
MAX_SHOWN = 24
"""Most images of a group that are drawn."""

TILE_PX = 128
KINDS = {
    Kind.EXACT: "exact copies",
    Kind.NEAR: "near-duplicates",
    Kind.MODEL: "near-duplicates by the model",
}
REVIEW = "Review them first: some may be different images."
EXCLUDE_ALL = {
    Kind.EXACT: (("exact copy", "exact copies"), None),
    Kind.NEAR: (("near-duplicate", "near-duplicates"), REVIEW),
    Kind.MODEL: (("near-duplicate", "near-duplicates"), REVIEW),
}
"""Kind → name of one and of several on the button that excludes all of it, and its help."""

MIN_WIDTH = 330
"""Minimum width of a group, in pixels."""


def show_groups(
    dataset: Dataset,
    groups: list[Group],
    *,
    key: str,
    keep: Callable[[Group], None] | None = None,
    similarity_text: Callable[[float], str] = "{:.3f}".format,
) -> None:
    """Draw pages of groups, each with a button that resolves it.

    `keep` is called with a group all of whose images are to be kept; without it there is no button.
    `similarity_text` returns the text of a group's similarity.
    """
    num_pages = -(-len(groups) // GROUPS_A_PAGE)
    page = min(session.value_of(f"{key}-page") or 1, num_pages)
    shown = groups[(page - 1) * GROUPS_A_PAGE : page * GROUPS_A_PAGE]
    rows = dataset.catalog.rows_by_id(
        member.id for group in shown for member in group.members[:MAX_SHOWN]
    )
    columns = st.grid(3, min_column_width=MIN_WIDTH)
    for group in shown:
        with columns.cell():
            _group(dataset, group, rows, key, keep, similarity_text)
    if num_pages > 1:
        st.pagination(num_pages, key=session.set_widget(f"{key}-page", page))


def exclude_buttons(dataset: Dataset, groups: Sequence[Group], *, key: str) -> None:
    """Draw a button for each kind of duplicates that resolves all groups of this kind.

    Other images than exact copies are shown in a dialog before they are excluded.
    """
    for kind, ((one, several), advice) in EXCLUDE_ALL.items():
        marked = to_exclude(dataset, [group for group in groups if group.kind == kind], key=key)
        if marked:
            st.button(
                f"Exclude all {len(marked):,} {several}" if len(marked) > 1 else f"Exclude 1 {one}",
                key=f"{key}-all-{kind}",
                type="primary" if kind == Kind.EXACT else "secondary",
                icon=":material/done_all:",
                help=advice,
                on_click=exclude if kind == Kind.EXACT else exclude_dialog.ask,
                args=(dataset, marked),
            )
    exclude_dialog.show(dataset)


def to_exclude(dataset: Dataset, groups: Iterable[Group], *, key: str) -> set[int]:
    """Return the ids of all images that the groups propose to exclude, by what was clicked."""
    return {i for group in groups for i in proposal(group, _kept(dataset, group, key))}


def exclude(dataset: Dataset, ids: Iterable[int]) -> None:
    """Exclude images, and show a toast."""
    num_changed = curation.exclude(dataset.catalog, ids)
    session.queue_toast(f"{counted(num_changed, 'image')} excluded")


def _group(
    dataset: Dataset,
    group: Group,
    rows: dict[int, ImageRow],
    prefix: str,
    keep: Callable[[Group], None] | None,
    similarity_text: Callable[[float], str],
) -> None:
    """Draw a group; a click on an image chooses it as the one to keep."""
    marked, key = to_exclude(dataset, [group], key=prefix), _key(dataset, group, prefix)
    with st.container(border=True, gap="small"):
        st.markdown(_title(group, similarity_text))
        shown = [rows[member.id] for member in group.members[:MAX_SHOWN] if member.id in rows]
        pairs = zip(tiles_of(dataset, shown), shown, strict=True)
        tiles = [_tile(tile, row, marked) for tile, row in pairs]
        clicked = gallery(tiles, key=f"{key}-gallery", tile_px=TILE_PX, label=_name(group))
        if len(group.members) > MAX_SHOWN:
            st.caption(f"and {len(group.members) - MAX_SHOWN:,} more")
        with st.container(horizontal=True):
            st.button(
                f"Exclude other{'s' if len(group.members) > 2 else ''}",
                key=f"{key}-go",
                disabled=not marked,
                help=None if marked else "Select the image to keep first.",
                on_click=exclude,
                args=(dataset, marked),
            )
            if keep is not None:
                st.button("Keep all", key=f"{key}-all", on_click=keep, args=(group,))
    if clicked is not None:
        session.remember(f"{key}-keep", clicked)
        st.rerun()


def _key(dataset: Dataset, group: Group, prefix: str) -> str:
    return f"{prefix}-{dataset.name}-{group.kind}-{group.members[0].id}"


def _kept(dataset: Dataset, group: Group, prefix: str) -> int | None:
    """Return the id of the image that was chosen to be kept, if it is still there."""
    chosen = session.value_of(f"{_key(dataset, group, prefix)}-keep")
    return chosen if any(member.id == chosen for member in group.members) else None


def _name(group: Group) -> str:
    return f"{len(group.members):,} {KINDS[group.kind]}"


def _title(group: Group, similarity_text: Callable[[float], str]) -> str:
    badges = [f"**{_name(group)}**"]
    if group.kind == Kind.MODEL:
        badges.append(f":gray-badge[{similarity_text(group.similarity)}]")
    if group.is_leaking:
        splits = [
            short
            for split, short in SHORT_SPLITS.items()
            if any(member.split == split for member in group.members)
        ]
        badges.append(f":red-badge[:material/warning: leakage: {', '.join(splits)}]")
    if group.conflicting:
        badges.append(":orange-badge[:material/label: conflicting classes]")
    return " ".join(badges)


def _tile(tile: Tile, row: ImageRow, marked: Collection[int]) -> Tile:
    return replace(
        tile,
        caption=f"{row.split or 'no split'}, {row.width} × {row.height}\n{row.path}",
        mark="selected" if marked and row.id not in marked else "",
        chips=("exclude",) if row.id in marked else (),
    )
