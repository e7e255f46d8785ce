"""The same question put to a second index, of the same or another model, side by side."""

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.artifacts.titles import read_title
from core.datasets.registry import Dataset
from core.lineage.graph import MODEL_CHANGED, Lineage
from core.query.search import gains
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of_matches
from pages.parts.query import results as answers_drawn
from state import resources, session
from state.query_view import Question

if TYPE_CHECKING:
    from core.query.answer import Answer

SHOWN = 50
"""Matches of each column at most."""

ONLY_HERE = "only here"
LEGEND = f"▲ ▼: so many ranks up or down from the other answer; “{ONLY_HERE}”: not in the other."


def choose(index: Manifest, lineage: Lineage) -> tuple[Manifest, Manifest] | None:
    """Draw the choice of what to compare with; return it and its model, if there is one."""
    others = {
        other.id: (other, model)
        for other in lineage.indexes_of_dataset(index.made_from["dataset"])
        if other.id != index.id and lineage.stale_reason(other) != MODEL_CHANGED
        if (model := lineage.model(other.made_from["model"]))
    }
    if not others:
        return None
    chosen = session.selection()
    if chosen.compared not in others:
        chosen.compared = None
    st.selectbox(
        "Compare with",
        list(others),
        index=None,
        format_func=lambda name: f"{_title(others[name][0])} · {others[name][1].id}",
        key=session.control("query-compared", chosen.compared),
        placeholder="No other index",
        on_change=_set,
        help="Puts the same question to another index of this dataset, beside this one.",
    )
    return others.get(chosen.compared or "")


def _title(index: Manifest) -> str:
    return read_title(resources.workspace().indexes, index.id)


def _set() -> None:
    session.selection().compared = session.value_of("query-compared")


def show(
    dataset: Dataset,
    question: Question,
    ours: tuple[Manifest, "Answer"],
    theirs: tuple[Manifest, "Answer"],
    label: str | None,
    place: DeltaGenerator,
) -> None:
    """Draw the two answers in columns, with how the ranks have moved.

    Args:
        dataset: Whose images the matches are.
        question: What was asked of both.
        ours: The current index and its answer.
        theirs: The other one, and its.
        label: The query's own category where it is known.
        place: Where the first line goes.
    """
    place.caption(LEGEND)
    pairs = ((ours, theirs[1], "left"), (theirs, ours[1], "right"))
    for column, ((index, mine), beside, key) in zip(st.columns(2), pairs, strict=True):
        with column:
            _column(dataset, index, mine, beside, label, key)
    if question.liked or question.unliked:
        st.caption("What was liked and disliked moves the question in both.")


def _column(
    dataset: Dataset,
    index: Manifest,
    mine: "Answer",
    beside: "Answer",
    label: str | None,
    key: str,
) -> None:
    title = _title(index)
    st.markdown(f"**{plain(title)}**  \n:gray[{plain(index.made_from['model'])}]")
    says = [
        f"{what} **{plain(shares[0][0])}** {shares[0][1]:.0%}"
        for what, shares in (("classifier", mine.prediction), ("neighbors", mine.vote))
        if shares
    ]
    st.markdown(" · ".join(says) or ":gray[no category]")
    if label is not None and mine.matches:
        right = sum(m.image is not None and m.image.label == label for m in mine.matches)
        st.markdown(f"precision@{len(mine.matches)} **{right / len(mine.matches):.2f}**")
    shown = mine.matches[:SHOWN]
    tiles = tiles_of_matches(dataset, shown, label)
    moved = [
        _moved(tile, gain) for tile, gain in zip(tiles, gains(shown, beside.matches), strict=True)
    ]
    clicked = gallery(moved, key=f"query-compare-{key}", tile_px=112, label=title)
    if clicked is not None:
        session.ask_by_image(clicked)
        st.rerun()
    answers_drawn.times(mine.seconds)


def _moved(tile: Tile, gain: int | None) -> Tile:
    """Say on a tile by how many ranks it is better off here than in the other answer."""
    if gain is None:
        return tile.with_chip(ONLY_HERE)
    if gain == 0:
        return tile
    return tile.with_chip(f"▲ {-gain}" if gain < 0 else f"▼ {gain}")
