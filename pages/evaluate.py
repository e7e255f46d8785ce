"""Evaluate page: retrieval quality by class and by query, compared with baselines."""

from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.commands import evaluation
from core.datasets.registry import Dataset, open_dataset
from core.errors import WorkbenchError
from core.lineage.graph import Lineage, read_lineage
from pages.parts.components import empty, guards, jobs_menu
from pages.parts.components import header as page_header
from pages.parts.components.text import plain, stale_badge
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


def main(line: DeltaGenerator, current: Manifest, dataset: Dataset, lineage: Lineage) -> None:
    """Draw an evaluation in tabs; its choice and the form of another one are beside the title."""
    with line:
        header.choose(current, lineage.evaluations_of(dataset.name))
        st.markdown(stale_badge(lineage.stale_reason(current)), width="content")
        st.space("stretch")
        form.show_in_popover(dataset.name, lineage)
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


def first(dataset: str, lineage: Lineage) -> None:
    """Draw the form of the first evaluation, or the progress of one that runs."""
    if jobs_menu.wait_for(*VERBS):
        return
    place = empty.state("monitoring", "Measure retrieval quality on held-out images.", key="first")
    with place, st.container(width=form.WIDTH):
        form.show(dataset, lineage)


chosen = session.enter_page()
line = page_header.title("Evaluate")
read = read_lineage(resources.workspace())
if chosen.dataset is None:
    guards.stop_without("Datasets", "An evaluation needs a dataset.")
about = open_dataset(resources.workspace(), chosen.dataset)
if not facts.labels(about.catalog):
    guards.stop_without("Datasets", "An evaluation needs labeled images.")
shown = evaluations.current(chosen, read)
if shown is None:
    first(chosen.dataset, read)
else:
    main(line, shown, about, read)
