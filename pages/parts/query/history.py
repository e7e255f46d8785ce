"""Undo, redo, the query history of the tab, and the examples of the query."""

from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets.registry import Dataset
from core.query.query import ImageSource, Query
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.text import plain
from pages.parts.components.tiles import tile_of
from state import session
from state.query_images import thumbnail_uri

TILE_PX = 72


def show(dataset: Dataset, line: DeltaGenerator) -> None:
    """Show undo, redo and the history in `line`."""
    history = session.selection().history
    if not history.queries:
        return
    for label, key, icon, allowed, walk in (
        ("Undo", "back", ":material/undo:", history.has_back, history.back),
        ("Redo", "forward", ":material/redo:", history.has_forward, history.forward),
    ):
        line.button(
            label,
            key=f"query-{key}",
            icon=icon,
            disabled=not allowed,
            type="tertiary",
            on_click=_walk,
            args=(walk,),
        )
    popover = line.popover(
        f"History ({len(history.queries)})",
        icon=":material/history:",
        type="tertiary",
        key="query-history-open",
        on_change="rerun",
    )
    if popover.open:  # Its thumbnails are not sent with every result
        with popover:
            _history(dataset, history.queries)


def _walk(walk: Callable[[], Query | None]) -> None:
    query = walk()
    if query is not None:
        session.set_query(query)


def examples(dataset: Dataset, query: Query) -> None:
    """Show a chip for each example; a click removes it."""
    ids = [*query.positives, *query.negatives]
    if not ids:
        return
    rows = dataset.catalog.rows_by_id(ids)
    with st.container(horizontal=True, gap="xsmall", key="query-judged"):
        for image_id in ids:
            row = rows.get(image_id)
            name = (row.label or row.path) if row else "deleted image"
            is_positive = image_id in query.positives
            st.button(
                plain(name),
                key=f"query-judged-{image_id}",
                icon=":material/add:" if is_positive else ":material/remove:",
                help=f"{'Positive' if is_positive else 'Negative'} example. Click to remove.",
                on_click=session.set_query,
                args=(query.without_example(image_id),),
            )


def _history(dataset: Dataset, queries: Sequence[Query]) -> None:
    """Show the queries of this tab, newest first; a click opens one."""
    newest = list(reversed(queries))
    tiles = [_tile(dataset, number, query) for number, query in enumerate(newest)]
    st.caption("Queries of this tab, newest first")
    clicked = gallery(tiles, key="query-history", tile_px=TILE_PX, label="Queries of this tab")
    if clicked is not None:
        session.set_query(newest[clicked])
        st.rerun()


def _tile(dataset: Dataset, number: int, query: Query) -> Tile:
    """Return a tile of a query: its first image, and chips for the rest."""
    more = len(query.images) - 1
    num_examples = len(query.positives) + len(query.negatives)
    chips = tuple(
        text
        for text, count in ((f"+{more}", more), (f"{num_examples} examples", num_examples))
        if count > 0
    )
    first = query.images[0] if query.images else None
    image_id = first.image_id if first else query.positives[0]
    if first is not None and image_id is None:
        upload = session.selection().uploads.get(first.digest)
        name = upload.name if upload else "expired upload"
        source = (
            thumbnail_uri(ImageSource(name, upload.content, first.digest), first.crop)
            if upload
            else ""
        )
        return Tile(id=number, src=source, title=name, chips=chips)
    row = dataset.catalog.rows_by_id([image_id or 0]).get(image_id or 0)
    title = (row.label or row.path) if row else "deleted image"
    return tile_of(dataset, row, id=number, title=title, chips=chips, gone="")
