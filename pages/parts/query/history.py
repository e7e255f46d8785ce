"""The steps of a query: what was liked on the way, walking back, and the questions before it."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.datasets.registry import Dataset
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.text import plain
from state import resources, session
from state.query_images import Source
from state.query_pictures import picture
from state.query_view import Question

TILE_PX = 72


def show(dataset: Dataset, question: Question) -> None:
    """Draw the ways back and forward, the questions so far, and what was liked."""
    history = session.selection().history
    if not history.asked:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for label, key, icon, allowed, walk in (
            ("Step back", "back", ":material/undo:", history.has_back, history.back),
            ("Step forward", "forward", ":material/redo:", history.has_forward, history.forward),
        ):
            st.button(
                label,
                key=f"query-{key}",
                icon=icon,
                disabled=not allowed,
                type="tertiary",
                on_click=_walk,
                args=(walk,),
            )
        popover = st.popover(
            f"History ({len(history.asked)})",
            icon=":material/history:",
            key="query-history-open",
            on_change="rerun",
        )
    if popover.open:  # Its pictures are not sent with every answer
        with popover:
            _history(dataset, history.asked)
    _judged(dataset, question)


def _walk(walk: Callable[[], Question | None]) -> None:
    question = walk()
    if question is not None:
        session.ask(question)


def _judged(dataset: Dataset, question: Question) -> None:
    """Draw a chip for each match that was liked or not; a click takes that back."""
    ids = [*question.liked, *question.unliked]
    if not ids:
        return
    rows = dataset.catalog.rows_by_id(ids)
    with st.container(horizontal=True, gap="xsmall", key="query-judged"):
        for image_id in ids:
            row = rows.get(image_id)
            name = (row.label or row.path) if row else "gone"
            is_liked = image_id in question.liked
            st.button(
                plain(name),
                key=f"query-judged-{image_id}",
                icon=":material/add:" if is_liked else ":material/remove:",
                help="More like this one. A click takes it back."
                if is_liked
                else "Less like this one. A click takes it back.",
                on_click=session.ask,
                args=(question.unjudged(image_id),),
            )


def _history(dataset: Dataset, asked: Sequence[Question]) -> None:
    """Draw the questions of this tab, the newest first; a click reopens one."""
    newest = list(reversed(asked))
    tiles = [_tile(dataset, number, question) for number, question in enumerate(newest)]
    st.caption("Your queries in this tab, the newest first. Click one to reopen it.")
    clicked = gallery(tiles, key="query-history", tile_px=TILE_PX, label="Queries of this tab")
    if clicked is not None:
        session.ask(newest[clicked])
        st.rerun()


def _tile(dataset: Dataset, number: int, question: Question) -> Tile:
    """Return a tile of a question: its first picture, and what else is in it."""
    more = len(question.images) - 1
    judged = len(question.liked) + len(question.unliked)
    chips = tuple(
        text for text, count in ((f"+{more} more", more), (f"{judged} judged", judged)) if count > 0
    )
    first = question.images[0] if question.images else None
    image_id = first.image_id if first else question.liked[0]
    if first is not None and image_id is None:
        upload = session.selection().uploads.get(first.digest)
        name = upload.name if upload else "let go"
        source = picture(Source(name, upload.content, first.digest), first.crop) if upload else ""
        return Tile(id=number, src=source, title=name, chips=chips)
    row = dataset.catalog.rows_by_id([image_id or 0]).get(image_id or 0)
    if row is None:
        return Tile(id=number, src="", title="gone", chips=chips)
    source, problem = resources.tile_source(dataset, row)
    return Tile(id=number, src=source, title=row.label or row.path, note=problem, chips=chips)
