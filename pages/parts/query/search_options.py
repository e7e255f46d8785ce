"""Which matches are wanted: of which images, how similar, whether duplicates count once."""

from typing import Any

import streamlit as st

from core.datasets.catalog import Split
from core.datasets.filters import ImageFilter
from core.datasets.registry import Dataset
from pages.parts.components.text import plain
from pages.parts.datasets.filter_bar import chips_of
from state import facts, session
from state.query_view import Question


def show(dataset: Dataset, question: Question) -> None:
    """Draw the wishes behind a button, and a chip for each filter that is on."""
    with st.popover("Filters", icon=":material/tune:", width="stretch"):
        _filter(dataset, question)
        st.divider()
        _others(dataset, question)
    chips = chips_of(question.wanted.images)
    if not chips:
        return
    with st.container(horizontal=True, gap="xsmall", key="query-chips"):
        for number, (text, left) in enumerate(chips):
            st.button(
                plain(text),
                key=f"query-chip-{number}",
                icon=":material/close:",
                icon_position="right",
                on_click=session.ask,
                args=(question.wanting(images=left),),
            )


def _filter(dataset: Dataset, question: Question) -> None:
    images = question.wanted.images
    st.caption("Search only among images with")
    for name, field, options in (
        ("Class", "labels", facts.labels(dataset.catalog)),
        ("Split", "splits", [str(split) for split in Split]),
        ("Tag", "tags", list(facts.tag_counts(dataset.catalog))),
    ):
        chosen = [value for value in getattr(images, field) if value in options]
        key = session.control(f"query-{field}", chosen)
        st.multiselect(
            name,
            options,
            key=key,
            placeholder="Any",
            disabled=not options,
            on_change=_set_filter,
            args=(field, key),
        )
    st.text_input(
        "Path contains",
        key=session.control("query-text", images.text),
        on_change=_set_filter,
        args=("text", "query-text"),
    )


def _others(dataset: Dataset, question: Question) -> None:
    wanted = question.wanted
    st.slider(
        "Least similarity",
        -1.0,
        1.0,
        key=session.control("query-least", wanted.min_similarity),
        step=0.01,
        on_change=_set,
        args=("min_similarity", "query-least"),
        help="Matches below it are not shown. At -1 all are.",
    )
    st.toggle(
        "Duplicates count once",
        key=session.control("query-fold", wanted.fold),
        on_change=_set,
        args=("fold", "query-fold"),
        help="The same bytes, and the look-alikes that a check of the dataset has found, are "
        "folded into the best of them.",
    )
    labels = facts.labels(dataset.catalog)
    st.selectbox(
        "The query shows",
        labels,
        key=session.control("query-label", question.label if question.label in labels else None),
        placeholder="What its class says",
        on_change=_set_label,
        help="Matches are framed as right or wrong by it. Of an image of the dataset it is known.",
    )


def _set_filter(field: str, key: str) -> None:
    value: Any = session.value_of(key)
    value = value.strip() if isinstance(value, str) else tuple(value)
    images: ImageFilter = session.selection().question.wanted.images
    _ask(images=images.having(**{field: value}))


def _set(field: str, key: str) -> None:
    _ask(**{field: session.value_of(key)})


def _set_label() -> None:
    label = str(session.value_of("query-label") or "")
    session.ask(session.selection().question.showing(label))


def _ask(**wishes: Any) -> None:
    session.ask(session.selection().question.wanting(**wishes))
