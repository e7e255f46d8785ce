"""Compare tab: evaluations by one protocol, their differences, and the changed queries."""

from itertools import cycle

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.evaluation.comparison import HEADLINES, Comparison, changed
from core.evaluation.files import interval_of, system_name
from core.evaluation.measure_names import curve_of, name_of
from core.lineage.graph import Lineage
from pages.parts.components import empty, errors
from pages.parts.components.charts import RUN_COLORS, lay_out_over_k
from pages.parts.components.plot import plot
from pages.parts.components.text import plain, plotly_text
from pages.parts.evaluate import images
from pages.parts.evaluate.header import titles_of
from state import evaluations

WAYS = ("Better", "Worse")
NUM_RESULTS = 4
"""Results of a query that are shown for each of two evaluations."""

MAX_GAPS = 12
"""Evaluations that are compared in the table; each takes up to a second the first time."""


def show(current: Manifest, dataset: Dataset, lineage: Lineage) -> None:
    """Draw the table of comparable evaluations, and one comparison in detail."""
    others = evaluations.comparable(current, lineage)
    rest = len(lineage.evaluations_of(dataset.name)) - len(others) - 1
    if rest:
        st.caption(
            f"{rest} evaluations with another protocol or dataset version are not comparable."
        )
    if not others:
        empty.state(
            "compare_arrows",
            "No comparable evaluations. Evaluate another system or a baseline.",
            key="compare",
        )
        return
    _curves(current, others)
    _table(current, others)
    titles = titles_of(others)
    against = st.selectbox(
        "Compare with",
        list(titles),
        format_func=titles.__getitem__,
        key="evaluate-against",
    )
    other = next(manifest for manifest in others if manifest.id == against)
    with errors.shown():
        _detail(evaluations.compared(other, current), current, other, dataset)


def _table(current: Manifest, others: list[Manifest]) -> None:
    rows = [_row(manifest, current) for manifest in (current, *others[:MAX_GAPS])]
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="evaluate-models")
    newest = f" Newest {MAX_GAPS} of {len(others)}." if len(others) > MAX_GAPS else ""
    st.caption(
        f"Δ: **{plain(system_name(current))}** minus the other, with 95 % CI.{newest}",
        help="Paired bootstrap over the same queries. A difference is significant if its interval "
        "does not contain 0.",
    )


def _row(manifest: Manifest, current: Manifest) -> dict[str, str]:
    row = {"system": system_name(manifest), "evaluation": manifest.id}
    for name in HEADLINES:
        row[name_of(name)] = _with_interval(manifest, name)
        row[f"{name_of(name)}, macro"] = _with_interval(manifest, f"{name}_macro")
    gaps = _gaps(manifest, current)
    return row | {f"Δ {name_of(name)}": gaps.get(name, "") for name in HEADLINES}


def _gaps(manifest: Manifest, current: Manifest) -> dict[str, str]:
    if manifest.id == current.id:
        return {}
    try:
        differences = evaluations.compared(manifest, current).differences.set_index("measure")
    except WorkbenchError:  # Shown with the comparison below
        return {}
    return {
        name: f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
        for name, row in differences.iterrows()
        if name in HEADLINES
    }


def _with_interval(manifest: Manifest, name: str) -> str:
    if name not in manifest.summary:
        return ""
    limits = interval_of(manifest, name)
    interval = f" [{limits[0]:.3f}, {limits[1]:.3f}]" if limits else ""
    return f"{manifest.summary[name]:.3f}{interval}"


def _curves(current: Manifest, others: list[Manifest]) -> None:
    figure = go.Figure()
    shown = [current, *others[: len(RUN_COLORS) - 1]]
    ranks: set[int] = set()
    for manifest, color in zip(shown, cycle(RUN_COLORS), strict=False):
        points = curve_of(list(manifest.summary), "recall")
        ranks |= {k for k, _ in points}
        figure.add_scatter(
            x=[k for k, _ in points],
            y=[manifest.summary[name] for _, name in points],
            name=plotly_text(system_name(manifest)),
            line_color=color,
            mode="lines+markers",
        )
    lay_out_over_k(figure, ranks, "k (recall@k)")
    plot(figure, key="evaluate-compared-curves", height=280)


def _detail(comparison: Comparison, current: Manifest, other: Manifest, dataset: Dataset) -> None:
    ours, theirs = system_name(current), system_name(other)
    with st.expander(f"All differences: {plain(ours)} minus {plain(theirs)}"):
        _differences(comparison)
    with st.container(horizontal=True, vertical_alignment="center"):
        measures = [
            name for name in ("map_at_10", *comparison.measures) if name in comparison.queries
        ]
        by = images.choose_measure(list(dict.fromkeys(measures)), "evaluate-changed-measure")
        better, worse = changed(comparison, by)
        counts = dict(zip(WAYS, (len(better), len(worse)), strict=True))
        way = st.segmented_control(
            "Queries",
            WAYS,
            default=WAYS[0],
            required=True,
            format_func=lambda name: f"{name} ({counts[name]:,})",
            key="evaluate-changed-way",
            label_visibility="collapsed",
        )
        queries = better if way == WAYS[0] else worse
        if queries.empty:
            st.caption("No queries.", width="content")
            return
        st.space("stretch")
        shown = images.page_of(queries, f"evaluate-changed-page-{way}")
    grid = st.grid(2, min_column_width=300)
    for side, title, matches in (
        ("first", theirs, "first_matches"),
        ("second", ours, "second_matches"),
    ):
        with grid.cell():
            st.markdown(f"**{plain(title)}**")
            captions = [f"{name_of(by)} {value:.2f}" for value in shown[f"{by}_{side}"]]
            images.rows(
                dataset,
                shown,
                matches,
                captions,
                key=f"evaluate-changed-{side}",
                label=f"Queries and results of {title}",
                num_results=NUM_RESULTS,
            )


def _differences(comparison: Comparison) -> None:
    differences = comparison.differences
    table = pd.DataFrame(
        {
            "metric": [name_of(name) for name in differences["measure"]],
            "difference": differences["difference"],
            "CI low": differences["low"],
            "CI high": differences["high"],
            "macro": differences["difference_macro"],
            "macro CI low": differences["low_macro"],
            "macro CI high": differences["high_macro"],
        }
    )
    signed = st.column_config.NumberColumn(format="%+.4f")
    st.dataframe(
        table,
        hide_index=True,
        key="evaluate-differences",
        column_config=dict.fromkeys(table.columns[1:], signed),
    )
