"""Evaluate page: retrieval quality by class and by query, compared with baselines."""

from collections.abc import Callable

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands import evaluation
from core.datasets.registry import Dataset, open_dataset
from core.errors import WorkbenchError
from core.lineage.graph import Lineage, read_lineage
from pages.parts.components import guards, job_panel
from pages.parts.components.text import plain
from pages.parts.evaluate import (
    classes,
    compare,
    confusion,
    form,
    header,
    overview,
    queries,
    report,
)
from state import evaluations, facts, resources, session

VERBS = evaluation.COMMANDS
TABS = (
    ":material/show_chart: Overview",
    ":material/category: Classes",
    ":material/grid_on: Confusion",
    ":material/image_search: Queries",
    ":material/compare_arrows: Compare",
    ":material/description: Report",
)


def main(current: Manifest, dataset: Dataset, lineage: Lineage) -> None:
    """Draw an evaluation in tabs."""
    header.choose(current, lineage.evaluations_of(dataset.name))
    header.describe(current, lineage)
    try:
        evaluation = evaluations.opened(current)
    except WorkbenchError as error:
        st.error(plain(str(error)))
        report.offer_deletion(current)
        return
    header.figures(current)
    tabs = st.tabs(list(TABS), key="evaluate-tabs", on_change="rerun")
    shown: list[Callable[[], None]] = [
        lambda: overview.show(evaluation),
        lambda: classes.show(evaluation, dataset),
        lambda: confusion.show(evaluation, dataset),
        lambda: queries.show(evaluation, dataset),
        lambda: compare.show(current, dataset, lineage),
        lambda: report.show(evaluation, dataset, lineage),
    ]
    for tab, draw in zip(tabs, shown, strict=True):
        if tab.open:
            with tab:
                draw()


chosen = session.enter_page()
st.title("Evaluate")
read = read_lineage(resources.workspace())
if chosen.dataset is None:
    guards.stop_without("Datasets", "An evaluation needs a dataset.")
about = open_dataset(resources.workspace(), chosen.dataset)
st.markdown(
    f"How well images of **{plain(chosen.dataset)}** are found: those that no training "
    "learns from ask, and whatever is of their class counts as found."
)
if not facts.labels(about.catalog):
    job_panel.show(*VERBS)
    guards.stop_without("Datasets", "An evaluation needs classes, and no image has one.")
shown = evaluations.current(chosen, read)
form.show(chosen.dataset, read, expanded=shown is None and not job_panel.is_active(*VERBS))
job_panel.show(*VERBS)
if shown is None:
    st.info("Nothing is evaluated yet. Evaluate embeddings or an index, and a baseline beside it.")
    st.stop()
main(shown, about, read)
