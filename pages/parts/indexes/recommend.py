"""Recommendation of an index: the form of a budget, and the result."""

from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.index_benchmark import RECOMMEND
from core.index_benchmark.config import RecommendConfig
from core.lineage.graph import Lineage
from core.options import as_arguments
from pages.parts.components import config_fields, empty, panes
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.indexes.source import choose as choose_source


def show(dataset: str, index: Manifest | None, lineage: Lineage) -> None:
    """Draw the form of a budget beside why the current index was recommended, if it was."""
    controls, content = panes.beside("recommend")
    with controls:
        _form(dataset, lineage)
    with content:
        if index is not None and index.summary.get("recommendation"):
            _result(index)
        else:
            empty.state("balance", "The index that meets the budget appears here.", key="recommend")


def _form(dataset: str, lineage: Lineage) -> None:
    """Draw the form of a budget, with the button that recommends and builds an index for it."""
    number = partial(config_fields.number, RecommendConfig)
    recall = number("recall", "Min. recall@10", key="indexes-recommend-recall", step=0.01)
    latency = number("latency_ms", "Max. latency (ms)", key="indexes-recommend-latency")
    memory = number(
        "memory_mb",
        "Max. memory (MB)",
        key="indexes-recommend-memory",
        min_value=0.1,
        value=None,
        placeholder="no limit",
        help="Empty for no limit.",
    )
    source = choose_source(dataset, lineage)
    config = RecommendConfig(recall=recall, latency_ms=latency, memory_mb=memory or 0.0)
    if source.engine is not None and st.button(
        "Recommend index",
        key="indexes-recommend",
        type="primary",
        icon=":material/auto_awesome:",
        help="Proposes, builds, tunes and measures indexes of several kinds.",
    ):
        launch(RECOMMEND, [*source.arguments, *as_arguments(config)])


def _result(index: Manifest) -> None:
    """Draw why an index was recommended, whether it meets the budget, and the other candidates."""
    recommendation: dict[str, Any] = index.summary["recommendation"]
    limits = recommendation["budget"]
    budget = f"recall@10 ≥ {limits['recall']:g}, ≤ {limits['latency_ms']:g} ms"
    if limits["memory_mb"]:
        budget += f", ≤ {limits['memory_mb']:g} MB"
    name, candidates = plain(recommendation["index"]), recommendation["candidates"]
    if recommendation["is_met"]:
        st.success(
            f"**{name}** meets {budget}: {plain(recommendation['reason'])}. "
            f"Measured by {recommendation['num_queries']} held-out queries.",
            icon=":material/verified:",
        )
    else:
        st.warning(
            f"No index meets {budget}; **{name}** comes closest. "
            "Lower the recall, or allow more latency or memory.",
            icon=":material/balance:",
        )
    st.dataframe(
        pd.DataFrame(
            {
                "index": [each["name"] for each in candidates],
                "recall@10": [each.get("recall_at_10") for each in candidates],
                "p95 ms": [each.get("latency_ms") for each in candidates],
                "MB": [_megabytes(each.get("size_bytes")) for each in candidates],
                "shortfall": ["; ".join(each["shortfalls"]) for each in candidates],
            }
        ),
        hide_index=True,
        key=f"indexes-recommend-candidates-{index.id}",
        column_config={
            "recall@10": st.column_config.NumberColumn(format="%.3f"),
            "p95 ms": st.column_config.NumberColumn(format="%.3f"),
            "MB": st.column_config.NumberColumn(format="%.1f"),
        },
    )


def _megabytes(size_bytes: float | None) -> float | None:
    return None if size_bytes is None else size_bytes / 1e6
