"""Figures of the Home page: the best model beside the baseline, and the last runs."""

import streamlit as st

from core.datasets.registry import Dataset
from core.evaluation.files import system_name
from core.lineage.graph import Lineage
from core.training.runs import MAP
from pages.parts.components import navigation
from pages.parts.components.sparkline import sparkline
from pages.parts.components.text import plain, shortened
from state import home, resources
from state.trainings import Training

MEASURES = {"map_at_10": "mAP@10", "recall_at_1": "recall@1"}
METRIC_PX = 110
MAX_RUNS = 3
MAX_LENGTH = 40


def show(dataset: Dataset, lineage: Lineage) -> None:
    """Draw mAP@10 and recall@1 of the best model, with the distance to the baseline."""
    st.header("Best model", anchor=False)
    best = home.best_evaluation(dataset.name, lineage)
    if best is None:
        if not lineage.indexes_of(dataset=dataset.name):
            st.caption("Evaluated once there is an index.")
        elif st.button("Evaluate", key="home-evaluate", icon=navigation.PATHS["Evaluate"][1]):
            navigation.go("Evaluate")
        return
    baseline = home.baseline_of(dataset.name, lineage)
    grid = st.grid(len(MEASURES), min_column_width=METRIC_PX)
    for name, label in MEASURES.items():
        value = best.summary.get(name)
        if value is None:
            continue
        known = baseline.summary.get(name) if baseline else None
        grid.metric(
            label,
            f"{value:.3f}",
            delta=None if known is None else f"{value - known:+.3f}",
            delta_description=None if known is None else "vs. baseline",
        )
    stale = " (stale)" if lineage.stale_reason(best) else ""
    names = f"{plain(shortened(system_name(best), MAX_LENGTH))}{stale}"
    names += f" · {best.summary['num_queries']:,} {best.config['queries']} queries"
    if baseline is not None:
        names += f" · baseline {plain(shortened(system_name(baseline), MAX_LENGTH))}"
    st.caption(names)


def runs(dataset: Dataset) -> None:
    """Draw the validation mAP@10 of the last runs by epoch."""
    st.header("Runs", anchor=False)
    own = [each for each in resources.trainings() if each.run.config["dataset"] == dataset.name]
    if not own:
        if st.button("Train a model", key="home-train", icon=navigation.PATHS["Training"][1]):
            navigation.go("Training")
        return
    for training in own[:MAX_RUNS]:
        _run(training)


def _run(training: Training) -> None:
    curve = [epoch[MAP] for epoch in training.epochs if MAP in epoch]
    name = shortened(training.name, MAX_LENGTH)
    st.metric(
        f"{plain(name)} · {training.state.value}",
        f"{max(curve):.3f}" if curve else "–",
        help="Best validation mAP@10, and its course by epoch.",
    )
    if len(curve) > 1:
        sparkline(curve, f"Validation mAP@10 of {name}")
