"""Filters of a check's list, and the settings of some checks."""

from dataclasses import replace

import streamlit as st

from core.datasets.columns import Split
from core.datasets.registry import Dataset
from core.quality.config import GROUPING, MIN_THRESHOLD, Check
from state import facts, session
from state.view import QualityView

MOST, LEAST = "Most typical first", "Least typical first"
MIN_WIDTH = 240
"""Min. width of a filter, in pixels; in a narrow window they take two rows."""


def show(dataset: Dataset, view: QualityView) -> QualityView:
    """Draw the filters and return the view without classes that no longer exist."""
    known = facts.labels(dataset.catalog)
    labels = tuple(label for label in view.labels if label in known)
    grid = st.grid(3, min_column_width=MIN_WIDTH)
    grid.multiselect(
        "Class",
        known,
        key=session.set_widget("quality-class", list(labels)),
        placeholder="All",
        on_change=_change,
    )
    if view.check != Check.CLUSTERS or view.cluster is not None:
        grid.pills(
            "Split",
            [str(split) for split in Split],
            selection_mode="multi",
            key=session.set_widget("quality-split", list(view.splits)),
            format_func=str.capitalize,
            on_change=_change,
        )
    if view.check in GROUPING:
        grid.slider(
            "Alike from a similarity of",
            MIN_THRESHOLD + 0.3,
            1.0,
            step=0.005,
            format="%.3f",
            key=session.set_widget("quality-threshold", view.threshold),
            on_change=_change,
        )
    elif view.check == Check.REPRESENTATIVENESS:
        grid.segmented_control(
            "Order",
            [LEAST, MOST],
            key=session.set_widget("quality-order", MOST if view.most_first else LEAST),
            on_change=_change,
        )
    return replace(view, labels=labels)


def _change() -> None:
    chosen = session.selection()
    view = chosen.quality_view
    threshold = session.value_of("quality-threshold")
    splits = session.value_of("quality-split")
    is_grouping = view.check in GROUPING
    chosen.quality_view = view.changed(
        labels=tuple(session.value_of("quality-class") or ()),
        splits=view.splits if splits is None else tuple(splits),
        threshold=threshold if is_grouping and threshold is not None else view.threshold,
        most_first=session.value_of("quality-order") == MOST
        if view.check == Check.REPRESENTATIVENESS
        else view.most_first,
    )
