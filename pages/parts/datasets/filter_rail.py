"""Filter rail: facets with counts and histograms that filter the images."""

import streamlit as st

from core.datasets.columns import FILTERS, RANGES, ImageFilter, ImageStatus
from core.datasets.filter_kinds import AnyOf, Contains
from core.datasets.registry import Dataset
from pages.parts.components.facet import Value, facet
from pages.parts.datasets import histograms
from state import facts, session


def search(images: ImageFilter) -> None:
    """Draw a field for each filter by a part of a text."""
    for name, kind in FILTERS.items():
        if isinstance(kind, Contains):
            _text(name, kind, images)


def show(dataset: Dataset, images: ImageFilter) -> None:
    """Draw facets and histograms; each counts without its own filter, so that it can be widened."""
    for name, kind in FILTERS.items():
        if isinstance(kind, AnyOf):
            _any_of(dataset, images, name, kind)
    _status(dataset, images)
    for name in RANGES:
        histograms.show(dataset, images, name)


def narrow(images: ImageFilter) -> None:
    """Show the images that a filter selects, at their first page."""
    session.set_view(session.read_view().narrowed(images))


def _text(name: str, kind: Contains, images: ImageFilter) -> None:
    key = session.set_widget(f"datasets-{name}", getattr(images, name))
    label = f"{kind.label} contains"
    st.text_input(
        label,
        key=key,
        on_change=_set_text,
        args=(name, key),
        icon=":material/search:",
        placeholder=label,
        label_visibility="collapsed",
    )


def _set_text(name: str, key: str) -> None:
    text = str(session.value_of(key)).strip()
    narrow(session.read_view().images.having(**{name: text}))


def _any_of(dataset: Dataset, images: ImageFilter, name: str, kind: AnyOf) -> None:
    """Draw the facet of a filter that takes several values, if there are any."""
    selected = getattr(images, name)
    counts = facts.value_counts(dataset.catalog, kind, images.having(**{name: ()}))
    counts |= {value: 0 for value in selected if value not in counts}
    if not any(counts):
        return
    facet(
        kind.label,
        [Value(value, kind.name_of(value), count) for value, count in counts.items()],
        selected,
        key=f"datasets-facet-{name}",
        change=lambda values: narrow(session.read_view().images.having(**{name: values})),
    )


def _status(dataset: Dataset, images: ImageFilter) -> None:
    counts = facts.status_counts(dataset.catalog, images)
    facet(
        FILTERS["status"].label,
        [Value(status, status.label, count) for status, count in counts.items()],
        [images.status],
        key="datasets-facet-status",
        change=_set_status,
        single=True,
    )


def _set_status(values: tuple[str, ...]) -> None:
    for value in values:
        narrow(session.read_view().images.having(status=ImageStatus(value)))
