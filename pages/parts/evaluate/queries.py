"""Queries tab: the queries with their results, sorted by a measure."""

import streamlit as st

from core.datasets.registry import Dataset
from core.evaluation.files import Evaluation
from core.evaluation.measure_names import name_of
from pages.parts.evaluate import images

SHOWN = ("map_at_10", "recall_at_1", "recall_at_10", "precision_at_10", "mrr", "r_precision")
ORDERS = ("Worst first", "Best first")


def show(evaluation: Evaluation, dataset: Dataset) -> None:
    """Draw a page of queries."""
    with st.container(horizontal=True, vertical_alignment="center"):
        measures = [name for name in SHOWN if name in evaluation.measures]
        by = images.choose_measure(measures, "evaluate-queries-measure")
        order = st.segmented_control(
            "Order",
            ORDERS,
            default=ORDERS[0],
            required=True,
            key="evaluate-queries-order",
            label_visibility="collapsed",
        )
        ranked = evaluation.queries.sort_values(by, ascending=order == ORDERS[0], kind="stable")
        st.caption("Query, then results", help="Select an image to search by it.", width="content")
        st.space("stretch")
        shown = images.page_of(ranked, "evaluate-queries-page")
    captions = [f"{name_of(by)} {value:.2f}" for value in shown[by]]
    images.rows(dataset, shown, "matches", captions, key="evaluate-queries-rows", label="Queries")
