"""Sweep over kinds of index: the form, and a chart whose points can be built."""

from typing import NoReturn

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.index_benchmark import SWEEP
from core.index_benchmark.config import SWEPT_KINDS, SweepConfig
from core.index_benchmark.points import Point
from core.indexes.config import IndexConfig
from core.indexes.info import find_index
from core.indexes.kinds import KINDS
from core.lineage.graph import Lineage
from core.options import as_arguments, field_docs
from pages.parts.components import config_fields, empty, panes, tables
from pages.parts.components.launch import launch
from pages.parts.components.text import duration, plain, size
from pages.parts.indexes import build, pareto
from pages.parts.indexes.source import Source
from pages.parts.indexes.source import choose as choose_source
from state import resources, selection_rules, session

DOCS = field_docs(SweepConfig)


def show(dataset: str, lineage: Lineage) -> None:
    """Draw the form of a sweep beside the results of the last one over these images."""
    controls, content = panes.beside("benchmark")
    with controls:
        source = _form(dataset, lineage)
    with content:
        if source.embeddings is not None and lineage.sweeps_of(source.embeddings):
            _results(source.embeddings, lineage)
        else:
            empty.state(
                "scatter_plot", "Recall and latency of each index appear here.", key="benchmark"
            )


def _form(dataset: str, lineage: Lineage) -> Source:
    """Draw the form of a sweep; return the embeddings that it measures."""
    kinds = st.pills(
        "Kinds",
        [name for name, kind in KINDS.items() if not kind.is_custom],
        selection_mode="multi",
        default=SWEPT_KINDS,
        format_func=lambda name: KINDS[name].label,
        key="indexes-sweep-kinds",
    )
    factories = st.text_input(
        "Factory strings",
        key="indexes-sweep-factories",
        placeholder="IVF64,SQ8; HNSW32_SQ8",
        help=DOCS["factories"],
    )
    num_queries = config_fields.number(
        SweepConfig, "num_queries", "Queries", key="indexes-sweep-queries"
    )
    source = choose_source(dataset, lineage)
    config = config_fields.build(
        SweepConfig, kinds=",".join(kinds), factories=factories, num_queries=num_queries
    )
    if (
        config is not None
        and source.engine is not None
        and st.button(
            "Run benchmark", key="indexes-sweep", type="primary", icon=":material/play_arrow:"
        )
    ):
        launch(SWEEP, [*source.arguments, *as_arguments(config)])
    return source


def _results(embeddings: Manifest, lineage: Lineage) -> None:
    sweeps = lineage.sweeps_of(embeddings)
    shown = sweeps[0]
    if len(sweeps) > 1:
        by_id = {made.id: made for made in sweeps}
        picked = st.selectbox(
            "Benchmark",
            list(by_id),
            format_func=lambda name: _title(by_id[name]),
            key="indexes-sweeps",
        )
        shown = by_id[picked]
    points = resources.sweep(shown).points
    clicked = pareto.chart(points, shown.id)
    place = st.container(key="indexes-point")
    for name, why in shown.summary["skipped"].items():
        st.caption(f"{plain(name)} skipped: {plain(why)}")
    row = _table(points, shown.id)
    position = row if row is not None else clicked
    with place:
        if position is None:
            st.caption("Select a point or a row to build that index.")
        else:
            _use(points[position], embeddings, lineage)


def _title(made: Manifest) -> str:
    when = pd.Timestamp(made.created).strftime("%d %b %H:%M")
    return f"{made.id} · {made.summary['num_points']} points · {when} UTC"


def _table(points: list[Point], sweep_id: str) -> int | None:
    rows = pd.DataFrame(
        {
            "index": [point.name for point in points],
            "recall@1": [point.measured.recall[1] for point in points],
            "recall@10": [point.measured.recall[10] for point in points],
            "recall@100": [point.measured.recall[100] for point in points],
            "precision@10": [point.measured.precision for point in points],
            "p50 ms": [point.measured.latency_ms[50] for point in points],
            "p95 ms": [point.measured.latency_ms[95] for point in points],
            "p99 ms": [point.measured.latency_ms[99] for point in points],
            "queries/s": [point.measured.queries_per_s for point in points],
            "build s": [point.build_s for point in points],
            "MB": [point.size_bytes / 1e6 for point in points],
        }
    )
    share, short = (st.column_config.NumberColumn(format=text) for text in ("%.3f", "%.2f"))
    formats = {
        name: share if "@" in name or "ms" in name else short for name in rows.columns[1:]
    } | {"queries/s": st.column_config.NumberColumn(format="%.0f")}
    with st.expander("All figures"):
        return tables.pick(rows, key=f"indexes-points-{sweep_id}", columns=formats)


def _use(point: Point, embeddings: Manifest, lineage: Lineage) -> None:
    """Draw a point with a button that selects its index, or builds it first."""
    measured = point.measured
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{plain(point.name)}** · recall@10 {measured.recall[10]:.3f} · "
            f"{measured.latency_ms[50]:.3g} ms · {size(point.size_bytes)} · "
            f"built in {duration(point.build_s)}",
            width="content",
        )
        if st.button("Use", key="indexes-use-point", type="primary"):
            _select(point.config, embeddings, lineage)


def _select(config: IndexConfig, embeddings: Manifest, lineage: Lineage) -> NoReturn:
    index = find_index(lineage, embeddings, config)
    if index is not None:
        selection_rules.choose_index(session.selection(), index.id, lineage)
        session.queue_toast("Index selected")
        st.rerun()
    dataset, model = embeddings.made_from["dataset"], embeddings.made_from["model"]
    build.start(["--embeddings", embeddings.id], config, dataset, model)
