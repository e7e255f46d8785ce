"""Search options: filters, minimum similarity, deduplication and the query's class."""

from typing import Any, Literal

import streamlit as st

from core.datasets.columns import ImageFilter, Split
from core.datasets.registry import Dataset
from core.query.query import Query
from pages.parts.components import filter_chips
from state import facts, session


def show(dataset: Dataset, query: Query, width: Literal["stretch", "content"] = "stretch") -> None:
    """Show the options in a popover, and a chip for each filter that is set."""
    with st.popover("Search options", icon=":material/tune:", width=width):
        _filter(dataset, query)
        _others(dataset, query)
    filter_chips.show(
        query.options.images,
        page="query",
        change=lambda images: session.set_query(query.with_options(images=images)),
    )


def _filter(dataset: Dataset, query: Query) -> None:
    images = query.options.images
    for name, field, options in (
        ("Class", "labels", facts.labels(dataset.catalog)),
        ("Split", "splits", [str(split) for split in Split]),
        ("Tag", "tags", list(facts.tag_counts(dataset.catalog))),
    ):
        chosen = [value for value in getattr(images, field) if value in options]
        key = session.set_widget(f"query-{field}", chosen)
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
        key=session.set_widget("query-text", images.text),
        on_change=_set_filter,
        args=("text", "query-text"),
    )


def _others(dataset: Dataset, query: Query) -> None:
    options = query.options
    st.slider(
        "Min. similarity",
        -1.0,
        1.0,
        key=session.set_widget("query-least", options.min_similarity),
        step=0.01,
        on_change=_set,
        args=("min_similarity", "query-least"),
        help="Hides matches below; -1 shows all.",
    )
    st.toggle(
        "Deduplicate",
        key=session.set_widget("query-fold", options.deduplicate),
        on_change=_set,
        args=("deduplicate", "query-fold"),
        help="Shows exact copies and verified near-duplicates as one match.",
    )
    labels = facts.labels(dataset.catalog)
    st.selectbox(
        "Query class",
        labels,
        key=session.set_widget("query-label", query.label if query.label in labels else None),
        placeholder="From the dataset",
        on_change=_set_label,
        help="A match is relevant if it has this class.",
    )


def _set_filter(field: str, key: str) -> None:
    value: Any = session.value_of(key)
    value = value.strip() if isinstance(value, str) else tuple(value)
    images: ImageFilter = session.selection().query.options.images
    _set_options(images=images.having(**{field: value}))


def _set(field: str, key: str) -> None:
    _set_options(**{field: session.value_of(key)})


def _set_label() -> None:
    label = str(session.value_of("query-label") or "")
    session.set_query(session.selection().query.with_label(label))


def _set_options(**fields: Any) -> None:
    session.set_query(session.selection().query.with_options(**fields))
