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
from pages.parts.components import errors
from pages.parts.components.charts import RUN_COLORS, lay_out_over_k
from pages.parts.components.plot import plot
from pages.parts.components.text import plain, plotly_text
from pages.parts.evaluate import images
from pages.parts.evaluate.header import title_of
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
            f"{rest} other evaluations are left out: other queries, another gallery, or the "
            "dataset as it was before."
        )
    if not others:
        st.info(
            "There is nothing to compare with yet. Evaluate other embeddings or a baseline with "
            "the same queries and gallery, by “New evaluation” above."
        )
        return
    _table(current, others)
    _curves(current, others)
    titles = {manifest.id: title_of(manifest) for manifest in others}
    against = st.selectbox(
        "In detail, compared with",
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
    st.caption(
        f"gap: by how much **{plain(system_name(current))}** is better, over the same "
        "queries, with the 95 % interval of that difference (paired bootstrap). It is beyond "
        "chance where the interval leaves out 0."
    )
    if len(others) > MAX_GAPS:
        st.caption(f"The {MAX_GAPS} newest of {len(others)} are shown.")


def _row(manifest: Manifest, current: Manifest) -> dict[str, str]:
    row = {"evaluated": system_name(manifest), "evaluation": manifest.id}
    for name in HEADLINES:
        row[name_of(name)] = _with_interval(manifest, name)
        row[f"{name_of(name)}, by class"] = _with_interval(manifest, f"{name}_macro")
    gaps = _gaps(manifest, current)
    return row | {f"gap in {name_of(name)}": gaps.get(name, "") for name in HEADLINES}


def _gaps(manifest: Manifest, current: Manifest) -> dict[str, str]:
    if manifest.id == current.id:
        return {}
    try:
        differences = evaluations.compared(manifest, current).differences.set_index("measure")
    except WorkbenchError:  # Shown with the comparison in detail
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
    lay_out_over_k(figure, ranks, "k; the height is recall@k")
    plot(figure, key="evaluate-compared-curves", height=280)


def _detail(comparison: Comparison, current: Manifest, other: Manifest, dataset: Dataset) -> None:
    ours, theirs = system_name(current), system_name(other)
    with st.expander(f"All differences: {plain(ours)} less {plain(theirs)}"):
        _differences(comparison)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        measures = [
            name for name in ("map_at_10", *comparison.measures) if name in comparison.queries
        ]
        by = str(
            st.selectbox(
                "Queries by",
                list(dict.fromkeys(measures)),
                format_func=name_of,
                key="evaluate-changed-measure",
            )
        )
        better, worse = changed(comparison, by)
        counts = dict(zip(WAYS, (len(better), len(worse)), strict=True))
        way = st.segmented_control(
            "That became",
            WAYS,
            default=WAYS[0],
            required=True,
            format_func=lambda name: f"{name} ({counts[name]:,})",
            key="evaluate-changed-way",
        )
    queries = better if way == WAYS[0] else worse
    if queries.empty:
        st.caption("No query did.")
        return
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
                label=f"Queries and what {title} found",
                num_results=NUM_RESULTS,
            )


def _differences(comparison: Comparison) -> None:
    differences = comparison.differences
    table = pd.DataFrame(
        {
            "measure": [name_of(name) for name in differences["measure"]],
            "difference": differences["difference"],
            "from": differences["low"],
            "to": differences["high"],
            "by class": differences["difference_macro"],
            "from ": differences["low_macro"],
            "to ": differences["high_macro"],
        }
    )
    signed = st.column_config.NumberColumn(format="%+.4f")
    st.dataframe(
        table,
        hide_index=True,
        key="evaluate-differences",
        column_config=dict.fromkeys(table.columns[1:], signed),
    )
