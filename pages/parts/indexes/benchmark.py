"""Comparing kinds of index on the chosen images: a chart whose points can be used."""

from dataclasses import asdict

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.index_benchmark.config import DEFAULT_KINDS, SweepConfig
from core.index_benchmark.points import Point
from core.indexes.config import IndexConfig, IndexKind
from core.lineage.graph import Lineage
from core.options import as_arguments, field_docs
from pages.parts.components.launch import launch
from pages.parts.components.text import duration, plain, size
from pages.parts.indexes import build, pareto
from pages.parts.indexes.kinds import NAMES
from pages.parts.indexes.source import Source
from state import resources, selection_rules, session

DOCS = field_docs(SweepConfig)
COMPARED = [kind for kind in IndexKind if kind != IndexKind.FACTORY]


def form(source: Source, lineage: Lineage) -> None:
    """Draw the form that compares kinds, and what the last comparison of these images gave."""
    kinds = st.pills(
        "Kinds",
        COMPARED,
        selection_mode="multi",
        default=list(DEFAULT_KINDS),
        format_func=NAMES.__getitem__,
        key="indexes-sweep-kinds",
    )
    columns = st.columns([3, 1], vertical_alignment="bottom")
    factories = columns[0].text_input(
        "And these FAISS factory strings",
        key="indexes-sweep-factories",
        placeholder="IVF64,SQ8; HNSW32_SQ8",
        help=DOCS["factories"],
    )
    num_queries = columns[1].number_input(
        "Queries", 200, 10_000, 500, key="indexes-sweep-queries", help=DOCS["num_queries"]
    )
    try:
        config = SweepConfig(
            kinds=",".join(kinds), factories=factories, num_queries=int(num_queries)
        )
    except ValueError as error:
        st.error(f"{plain(str(error))}.")
        return
    if st.button("Compare", key="indexes-sweep", type="primary", icon=":material/compare_arrows:"):
        launch(
            ["sweep", *source.arguments, *as_arguments(config)],
            f"Comparing indexes of {source.dataset} with {source.model}",
            dataset=source.dataset,
        )
        st.rerun()
    if source.embeddings is not None:
        _results(source.embeddings, lineage)


def _results(embeddings: Manifest, lineage: Lineage) -> None:
    sweeps = [
        made
        for made in lineage.sweeps
        if made.made_from["embeddings_fingerprint"] == embeddings.fingerprint
    ]
    if not sweeps:
        st.caption(
            "Nothing is compared yet. Each kind is built in memory and searched with random "
            "images at several efforts; that shows what recall costs on your own images."
        )
        return
    shown = sweeps[0]
    if len(sweeps) > 1:
        names = {made.id: made for made in sweeps}
        label = "Comparison"
        shown = names[
            st.selectbox(
                label,
                list(names),
                format_func=lambda name: _title(names[name]),
                key="indexes-sweeps",
            )
        ]
    points = resources.sweep(shown.id, shown.fingerprint).points
    picked = pareto.chart(points, shown.id)
    for name, why in shown.summary["skipped"].items():
        st.caption(f"{plain(name)} was left out: {plain(why)}")
    row = _table(points, shown.id)
    place = row if row is not None else picked
    if place is None:
        st.caption("Click a point of the chart, or select a row, to build that index and use it.")
    elif place < len(points):
        _use(points[place], embeddings, lineage)


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
        event = st.dataframe(
            rows,
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            key=f"indexes-points-{sweep_id}",
            column_config=formats,
        )
    selected = event["selection"]["rows"]
    return int(selected[0]) if selected else None


def _use(point: Point, embeddings: Manifest, lineage: Lineage) -> None:
    """Say what a point is, and offer to use that index: the one that is there, or a new one."""
    measured = point.measured
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{plain(point.name)}** · recall@10 {measured.recall[10]:.3f} · "
            f"{measured.latency_ms[50]:.3g} ms a query · {size(point.size_bytes)} · "
            f"built in {duration(point.build_s)}"
        )
        if st.button("Use this one", key="indexes-use-point", type="primary"):
            _take(point.config, embeddings, lineage)
            st.rerun()


def _take(config: IndexConfig, embeddings: Manifest, lineage: Lineage) -> None:
    wanted = asdict(config)
    for index in lineage.indexes:
        is_of = index.made_from["embeddings_fingerprint"] == embeddings.fingerprint
        if is_of and index.config == wanted:
            selection_rules.choose_index(session.selection(), index.id, lineage)
            session.say(f"{index.id} is the current index now.")
            return
    dataset, model = embeddings.made_from["dataset"], embeddings.made_from["model"]
    build.start(["--embeddings", embeddings.id], config, dataset, model)
