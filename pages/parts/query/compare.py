"""The same question put to a second index, of the same or another model, side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts import Manifest
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.lineage import MODEL_CHANGED, Lineage
from core.retrieval.search import gains
from core.titles import read_title
from pages.parts.gallery import Tile, gallery
from pages.parts.query import answer as answers_drawn
from pages.parts.text import plain
from pages.parts.tiles import tiles_of_matches
from state import answers, resources, session
from state.question import Question
from state.sources import Source

if TYPE_CHECKING:
    from core.retrieval.answer import Answer

SHOWN = 50
"""Matches of each column at most."""

ONLY_HERE = "only here"


def choose(index: Manifest, lineage: Lineage) -> Manifest | None:
    """Draw the choice of what to compare with; return it, if there is one."""
    others = [
        other
        for other in lineage.indexes_of_dataset(index.made_from["dataset"])
        if other.id != index.id and lineage.stale_reason(other) != MODEL_CHANGED
    ]
    if not others:
        return None
    names = {other.id: other for other in others}
    chosen = session.selection()
    if chosen.compared not in names:
        chosen.compared = None
    st.selectbox(
        "Compare with",
        list(names),
        index=None,
        format_func=lambda name: f"{_title(names[name])} · {names[name].made_from['model']}",
        key=session.control("query-compared", chosen.compared),
        placeholder="No other index",
        on_change=_set,
        help="Puts the same question to another index of this dataset, beside this one.",
    )
    return names.get(chosen.compared or "")


def _title(index: Manifest) -> str:
    return read_title(resources.workspace().indexes, index.id)


def _set() -> None:
    session.selection().compared = session.value_of("query-compared")


def show(
    dataset: Dataset,
    question: Question,
    sources: Sequence[Source],
    ours: tuple[Manifest, "Answer"],
    other: Manifest,
    lineage: Lineage,
    label: str | None,
) -> None:
    """Draw the two answers in columns, with how the ranks have moved."""
    model = lineage.model(other.made_from["model"])
    if model is None:
        return
    judged = question.liked or question.unliked
    try:
        with st.spinner("Searching the other index…"):
            theirs = answers.answer_of(question, sources, other, model, dataset)
    except WorkbenchError as error:
        st.error(plain(str(error)))
        return
    pairs = ((ours, theirs, "left"), ((other, theirs), ours[1], "right"))
    for column, ((index, mine), beside, key) in zip(st.columns(2), pairs, strict=True):
        with column:
            _column(dataset, index, mine, beside, label, key)
    if judged:
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
        for what, shares in (("classifier", mine.prediction), ("neighbours", mine.vote))
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
