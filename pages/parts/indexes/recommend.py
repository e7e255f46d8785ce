"""Recommendation of an index: the form of a budget, and the result."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.index_benchmark import RECOMMEND
from core.index_benchmark.config import RecommendConfig
from core.options import as_arguments
from pages.parts.components import config_fields
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.indexes.source import Source


def form(source: Source) -> None:
    """Draw the form of a budget, with the button that recommends and builds an index for it."""
    st.markdown(
        "State what a search may cost and must find. Kinds of index are proposed by the number of "
        "images, built, tuned on one half of some random queries, and judged by the other half."
    )
    grid = st.grid(3, min_column_width=200)
    number = partial(config_fields.number, RecommendConfig, place=grid)
    recall = number("recall", "Recall@10 at least", key="indexes-recommend-recall", step=0.01)
    latency = number("latency_ms", "Milliseconds a query at most", key="indexes-recommend-latency")
    memory = number(
        "memory_mb",
        "Megabytes of memory at most",
        key="indexes-recommend-memory",
        min_value=0.1,
        value=None,
        placeholder="no limit",
        help="Most memory of the index; empty for no limit.",
    )
    config = RecommendConfig(recall=recall, latency_ms=latency, memory_mb=memory or 0.0)
    if st.button(
        "Find the index", key="indexes-recommend", type="primary", icon=":material/auto_awesome:"
    ):
        launch(RECOMMEND, [*source.arguments, *as_arguments(config)])


def result(index: Manifest) -> None:
    """Draw why an index was recommended, whether it meets the budget, and the other candidates."""
    recommendation: dict[str, Any] | None = index.summary.get("recommendation")
    if recommendation is None:
        return
    limits = recommendation["budget"]
    budget = f"recall@10 ≥ {limits['recall']:g}, ≤ {limits['latency_ms']:g} ms"
    if limits["memory_mb"]:
        budget += f", ≤ {limits['memory_mb']:g} MB"
    index_name, candidates = plain(recommendation["index"]), recommendation["candidates"]
    if recommendation["is_met"]:
        st.success(
            f"The advisor chose **{index_name}** for {budget}, because "
            f"{plain(recommendation['reason'])}. Measured by "
            f"{recommendation['num_queries']} other queries, it keeps its word.",
            icon=":material/verified:",
        )
    else:
        st.warning(
            f"No index keeps {budget} here. **{index_name}** comes nearest to it. "
            "Ask for less recall, or allow more time or memory.",
            icon=":material/balance:",
        )
    with st.expander(f"What was tried ({len(candidates)})"):
        st.dataframe(
            pd.DataFrame(
                {
                    "index": [each["name"] for each in candidates],
                    "recall@10": [each.get("recall_at_10") for each in candidates],
                    "ms at p95": [each.get("latency_ms") for each in candidates],
                    "MB": [_megabytes(each.get("size_bytes")) for each in candidates],
                    "misses": ["; ".join(each["shortfalls"]) for each in candidates],
                }
            ),
            hide_index=True,
            key=f"indexes-recommend-candidates-{index.id}",
            column_config={
                "recall@10": st.column_config.NumberColumn(format="%.3f"),
                "ms at p95": st.column_config.NumberColumn(format="%.3f"),
                "MB": st.column_config.NumberColumn(format="%.1f"),
            },
        )


def _megabytes(size_bytes: float | None) -> float | None:
    return None if size_bytes is None else size_bytes / 1e6
