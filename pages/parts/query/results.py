"""The answer to a question: what it shows, how sure that is, and the images most like it."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.indexes.store import MAX_MATCHES
from core.metrics.leave_one_out import precision_by_rank
from core.query.export import Asked
from pages.parts.components.gallery import Tile, selectable_gallery
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of_matches
from pages.parts.query import export, rank_curve
from state import session
from state.query_view import QueryImage, Question

if TYPE_CHECKING:
    from core.query.answer import Answer, OutOfDistribution

TOP_CLASSES = 5
ON_A_PAGE = 100
MORE = (20, 50, 100, 200, 500, MAX_MATCHES)
"""How many matches there are after each click on *More*."""

CURVE_WIDTH = 220
"""In pixels."""

MIN_WAIT_S = 0.001
"""A shorter one is nobody's business."""

SPLITS = {"validation": "held-out validation images", "test": "held-out test images"}


def verdict(
    answer: "Answer", model: Manifest, dataset: Dataset, first_line: DeltaGenerator
) -> None:
    """Say what the query shows, by the classifier and by the neighbors, and how usual it is.

    Args:
        answer: To the question.
        model: That embedded it.
        dataset: That was searched.
        first_line: The place of how usual it is, above the rest.
    """
    if answer.standing is not None:
        _usual(answer.standing, first_line)
    knows_these = model.made_from["dataset"] == dataset.name
    by_model = ("Predicted category", answer.prediction[:TOP_CLASSES], _whose(model, dataset))
    by_vote = ("Its neighbors say", answer.vote[:TOP_CLASSES], "share of the vote")
    # A model of another dataset predicts what that one knows: the neighbors know better
    parts = [
        part for part in ((by_model, by_vote) if knows_these else (by_vote, by_model)) if part[1]
    ]
    if not parts:
        st.caption("Neither does this model know classes, nor have the nearest images any.")
        return
    agreed = len({shares[0][0] for _, shares, _ in parts}) == 1
    with st.container(border=True):
        grid = st.grid(len(parts), min_column_width=220)
        for title, shares, note in parts:
            with grid.cell():
                _shares(title, shares, note)
    if not answer.prediction:
        st.caption("This model knows no classes: the neighbors alone say what it is.")
    elif len(parts) == 2 and not agreed:
        st.caption(":orange[:material/compare_arrows:] Classifier and neighbors do not agree.")


def _whose(model: Manifest, dataset: Dataset) -> str:
    trained_on = model.made_from["dataset"]
    if trained_on == dataset.name:
        return "probability, by the classifier"
    whose = plain(trained_on) if trained_on else "the model, which was brought in"
    return f"among the categories of {whose}"


def _shares(title: str, shares: Sequence[tuple[str, float]], note: str) -> None:
    st.metric(title, shares[0][0])
    others = [f"{plain(label)} **{share:.1%}**" for label, share in shares]
    st.markdown(" · ".join(others) + f"  \n:gray[{note}]")


def _usual(standing: "OutOfDistribution", place: DeltaGenerator) -> None:
    among = SPLITS.get(standing.held_out, "the dataset's own images")
    said = (
        f"its nearest image is {standing.similarity:.3f} similar, and of {among} "
        f"{100 - standing.percentile:.0f} % have a nearer one"
    )
    if standing.is_out_of_distribution:
        place.warning(f"**Like nothing in this dataset**: {said}.", icon=":material/question_mark:")
    elif standing.is_borderline:
        place.caption(f":material/help: Less like this dataset than most images are: {said}.")
    else:
        place.caption(f":material/check: Like what is in this dataset: {said}.")


def matches(
    dataset: Dataset, answer: "Answer", question: Question, asked: Asked, label: str | None
) -> Mapping[str, float]:
    """Draw the matches, with what can be done with them; return the seconds that this took."""
    shown = answer.matches
    if not shown:
        st.info("No image fits. Take a filter away, or ask for less similarity.")
        return {}
    pages = -(-len(shown) // ON_A_PAGE)
    bar = st.container(horizontal=True, gap="small", vertical_alignment="center")
    if label is not None:
        _hits(answer, label)
    page = st.pagination(pages, key="query-page") if pages > 1 else 1
    first = (page - 1) * ON_A_PAGE
    started = time.perf_counter()
    tiles = tiles_of_matches(dataset, shown[first : first + ON_A_PAGE], label, first_rank=first + 1)
    seconds = {"thumbnails": time.perf_counter() - started}
    _gallery(question, tiles)
    with bar:
        _bar(question, len(shown))
        st.space("stretch")
        export.popover(dataset, shown, asked)
    _more(question, len(shown))
    return seconds


def _hits(answer: "Answer", label: str) -> None:
    """Say how many matches are right, and how that changes with the rank."""
    right = np.array(
        [found.image is not None and found.image.label == label for found in answer.matches]
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(
            f"**{right.sum()} of {len(right)}** are of the same category ({plain(label)}): "
            f"precision@{len(right)} **{right.mean():.2f}**",
            width="content",
        )
        if len(right) > 1:
            with st.container(width=CURVE_WIDTH):
                rank_curve.draw(precision_by_rank(right), key="query-ranks")


def _gallery(question: Question, tiles: Sequence[Tile]) -> None:
    chosen = session.selection()
    event = selectable_gallery(
        [_judged(tile, question) for tile in tiles],
        selected=chosen.marked,
        key="query-gallery",
        label="Matches",
    )
    if event.selected is not None:
        chosen.marked = event.selected
    if event.opened is not None:
        chosen.open_match = event.opened


def _judged(tile: Tile, question: Question) -> Tile:
    if tile.id not in question.liked:
        return tile
    return tile.with_chip("more like it")


def _bar(question: Question, count: int) -> None:
    """Draw what can be done with the selected matches."""
    marked = sorted(session.selection().marked)
    if not marked:
        st.markdown(f"**{count:,} matches**", width="content")
        st.caption("Click one to see why; select some to ask for more or less like them.")
        return
    st.markdown(f"**{len(marked)}** selected", width="content")
    for text, key, icon, then in (
        ("More like these", "more", ":material/add:", question.judged(marked, liked=True)),
        ("Less like these", "less", ":material/remove:", question.judged(marked, liked=False)),
        ("Search by these", "by", ":material/image_search:", question.of(_images(marked))),
    ):
        st.button(text, key=f"query-{key}", icon=icon, on_click=session.ask, args=(then,))
    st.button("Clear", key="query-unmark", type="tertiary", on_click=_unmark)


def _images(ids: Sequence[int]) -> list[QueryImage]:
    return [QueryImage(image_id=image_id) for image_id in ids]


def _unmark() -> None:
    session.selection().marked = frozenset()


def _more(question: Question, count: int) -> None:
    """Offer more matches, or say that these are all."""
    k = question.wanted.k
    if count < k:
        st.caption(f"These {count} are all that fit; {k} were asked for.")
        return
    with st.container(horizontal=True, horizontal_alignment="center"):
        for label, key, allowed in (
            ("Fewer", "fewer", [step for step in reversed(MORE) if step < k]),
            ("More matches", "further", [step for step in MORE if step > k]),
        ):
            if allowed:
                st.button(
                    f"{label}: {allowed[0]:,}",
                    key=f"query-{key}",
                    on_click=session.ask,
                    args=(question.wanting(k=allowed[0]),),
                )


def times(seconds: Mapping[str, float], shared_by: int = 1) -> None:
    """Say where the time went, and how many other images were in the model's pass."""
    with st.container(horizontal=True, gap="xsmall"):
        for stage, spent in seconds.items():
            if stage != "wait" or spent > MIN_WAIT_S:
                st.badge(f"{stage} {1e3 * spent:.0f} ms", color="gray")
        if shared_by > 1:
            st.badge(
                f"{shared_by} queries at once",
                color="gray",
                help="They came from several tabs and went through the model together.",
            )
