"""The advisor: a budget in, an index that keeps it out, with an account of what was tried."""

from typing import Any

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.index_benchmark.config import RecommendConfig
from core.options import as_arguments, field_docs
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.indexes.source import Source

DOCS = field_docs(RecommendConfig)


def form(source: Source) -> None:
    """Draw the form that states a budget and has an index found that keeps it."""
    st.markdown(
        "State what a search may cost and must find. Kinds of index are proposed by the number of "
        "images, built, tuned on one half of some random queries, and judged by the other half."
    )
    grid = st.grid(3, min_column_width=200)
    with grid.cell():
        recall = st.number_input(
            "Recall@10 at least",
            0.5,
            1.0,
            0.95,
            step=0.01,
            key="indexes-advise-recall",
            help=DOCS["recall"],
        )
    with grid.cell():
        latency = st.number_input(
            "Milliseconds a query at most",
            0.001,
            60_000.0,
            1.0,
            key="indexes-advise-latency",
            help=DOCS["latency_ms"],
        )
    with grid.cell():
        memory = st.number_input(
            "Megabytes of memory at most",
            0.1,
            1e9,
            None,
            placeholder="no limit",
            key="indexes-advise-memory",
            help="Most memory of the index; empty for no limit.",
        )
    config = RecommendConfig(recall=recall, latency_ms=latency, memory_mb=memory or 0.0)
    if st.button(
        "Find the index", key="indexes-advise", type="primary", icon=":material/auto_awesome:"
    ):
        launch(
            ["advise", *source.arguments, *as_arguments(config)],
            f"Finding an index for {source.dataset} with {source.model}",
            dataset=source.dataset,
        )
        st.rerun()


def account(index: Manifest) -> None:
    """Say why the advisor chose an index, whether it keeps the budget, and what else was tried."""
    advice: dict[str, Any] | None = index.summary.get("advice")
    if advice is None:
        return
    asked = advice["asked"]
    budget = f"recall@10 ≥ {asked['recall']:g}, ≤ {asked['latency_ms']:g} ms"
    if asked["memory_mb"]:
        budget += f", ≤ {asked['memory_mb']:g} MB"
    if advice["kept"]:
        st.success(
            f"The advisor chose **{plain(advice['chosen'])}** for {budget}, because "
            f"{plain(advice['why'])}. Measured by {advice['num_queries']} other queries, it keeps "
            "its word.",
            icon=":material/verified:",
        )
    else:
        st.warning(
            f"No index keeps {budget} here. **{plain(advice['chosen'])}** comes nearest to it. "
            "Ask for less recall, or allow more time or memory.",
            icon=":material/balance:",
        )
    with st.expander(f"What was tried ({len(advice['tried'])})"):
        st.dataframe(
            pd.DataFrame(
                {
                    "index": [tried["name"] for tried in advice["tried"]],
                    "recall@10": [tried.get("recall_at_10") for tried in advice["tried"]],
                    "ms at p95": [tried.get("latency_ms") for tried in advice["tried"]],
                    "MB": [_megabytes(tried.get("size_bytes")) for tried in advice["tried"]],
                    "misses": ["; ".join(tried["shortfalls"]) for tried in advice["tried"]],
                }
            ),
            hide_index=True,
            key=f"indexes-advice-{index.id}",
            column_config={
                "recall@10": st.column_config.NumberColumn(format="%.3f"),
                "ms at p95": st.column_config.NumberColumn(format="%.3f"),
                "MB": st.column_config.NumberColumn(format="%.1f"),
            },
        )


def _megabytes(size_bytes: float | None) -> float | None:
    return None if size_bytes is None else size_bytes / 1e6
