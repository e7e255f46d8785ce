"""Filters of a check's list, and the settings of some checks."""

import math
from dataclasses import replace

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.columns import Split
from core.datasets.registry import Dataset
from core.quality.config import GROUPING, MIN_THRESHOLD, Check
from pages.parts.components import empty
from state import facts, quality, session
from state.view import QualityView

MOST, LEAST = "Most typical first", "Least typical first"
WIDTH = 180
"""Width of a filter, in pixels."""

RANGE = 4
"""The slider reaches to this times the default distance of near-duplicates."""


def show(dataset: Dataset, manifest: Manifest, check: Check) -> tuple[QualityView, DeltaGenerator]:
    """Draw the filters; return the view without classes that no longer exist, and the toolbar.

    The toolbar is the line of the filters; a list draws its counts and actions there.
    """
    view = session.selection().quality_view
    known = facts.labels(dataset.catalog)
    labels = tuple(label for label in view.labels if label in known)
    bar = st.container(
        horizontal=True, vertical_alignment="center", gap="small", key="quality-toolbar"
    )
    with bar:
        st.multiselect(
            "Class",
            known,
            key=session.set_widget("quality-class", list(labels)),
            placeholder="All classes",
            label_visibility="collapsed",
            width=WIDTH,
            on_change=_change,
        )
        if check != Check.CLUSTERS or view.cluster is not None:
            st.pills(
                "Split",
                [str(split) for split in Split],
                selection_mode="multi",
                key=session.set_widget("quality-split", list(view.splits)),
                format_func=str.capitalize,
                label_visibility="collapsed",
                on_change=_change,
            )
        if check in GROUPING:
            _threshold(manifest, view)
        elif check == Check.REPRESENTATIVENESS:
            st.segmented_control(
                "Order",
                [LEAST, MOST],
                key=session.set_widget("quality-order", MOST if view.most_first else LEAST),
                required=True,
                label_visibility="collapsed",
                on_change=_order,
            )
    return replace(view, labels=labels), bar


def _threshold(manifest: Manifest, view: QualityView) -> None:
    """Draw the slider of the similarity threshold, on the scale of the embeddings."""
    default = quality.default_threshold(manifest)
    step = 10.0 ** math.floor(math.log10(max(1 - default, 1e-5) / 10))
    digits = max(3, round(-math.log10(step)))
    low = max(MIN_THRESHOLD, 1 - math.ceil(RANGE * (1 - default) / step) * step)
    threshold = default if view.threshold is None else view.threshold
    st.markdown(
        "Similarity threshold",
        width="content",
        help=f"Default for these embeddings: {default:.{digits}f}",
    )
    st.slider(
        "Similarity threshold",
        round(low, digits),
        1.0,
        step=step,
        format=f"%.{digits}f",
        key=session.set_widget("quality-threshold", round(max(threshold, low), digits)),
        label_visibility="collapsed",
        width=WIDTH,
        on_change=_set_threshold,
    )


def clear() -> None:
    """Show the images of all classes and splits."""
    chosen = session.selection()
    chosen.quality_view = chosen.quality_view.changed(labels=(), splits=())


def none_match(sentence: str) -> None:
    """Draw that the filters hide everything, and the button that clears them."""
    empty.button(empty.NO_MATCH, sentence, "Clear filters", key="quality-clear", on_click=clear)


def _change() -> None:
    chosen = session.selection()
    view = chosen.quality_view
    splits = session.value_of("quality-split")
    chosen.quality_view = view.changed(
        labels=tuple(session.value_of("quality-class") or ()),
        splits=view.splits if splits is None else tuple(splits),
    )


def _set_threshold() -> None:
    chosen = session.selection()
    threshold = float(session.value_of("quality-threshold"))
    chosen.quality_view = chosen.quality_view.changed(threshold=threshold)


def _order() -> None:
    chosen = session.selection()
    most_first = session.value_of("quality-order") == MOST
    chosen.quality_view = chosen.quality_view.changed(most_first=most_first)
