"""View of one training: metrics, curves, sample retrievals and confusions."""

import pandas as pd
import streamlit as st

from core.datasets.registry import open_dataset
from core.errors import WorkbenchError
from core.progress import format_rate
from core.training.history import read_confusions, read_sample_retrievals
from core.training.runs import MAP, RECALL, folder_of
from pages.parts.components import charts
from pages.parts.components.text import duration, size
from pages.parts.training import sample_retrievals
from state import resources
from state.trainings import Training

REFRESH_S = 2.0
FIGURES = {
    MAP: "mAP@10",
    RECALL: "recall@1",
    "validation_accuracy": "accuracy",
    "validation_loss": "loss",
}
LESS_IS_BETTER = ("validation_loss",)
NUM_CONFUSIONS = 12


def follow(run_id: str, *, is_live: bool) -> None:
    """Draw a training, again every two seconds while its job is active."""
    is_in_table = resources.training(run_id) is not None

    @st.fragment(run_every=REFRESH_S if is_live else None)
    def draw() -> None:
        training = resources.training(run_id)
        if training is None:
            return
        show(training, key="live")
        if not training.epochs and is_live:
            st.caption("Figures of the validation images appear after the first epoch.")
        if not is_in_table:
            st.rerun()  # Adds it to the table of runs

    draw()


def show(training: Training, *, key: str) -> None:
    """Draw a training; `key` is the start of the widget keys, its own on the page."""
    if training.epochs:
        figures(training)
    if training.epochs or training.steps:
        charts.curves(training.epochs, training.steps, key=f"{key}-curves")
    if training.epochs:
        _details(training, key)


def figures(training: Training) -> None:
    """Draw the newest epoch's metrics, and their changes."""
    last = training.epochs[-1]
    before = training.epochs[-2] if len(training.epochs) > 1 else {}
    grid = st.grid(7, min_column_width=120)
    for name, shown in FIGURES.items():
        if name in last:
            grid.metric(
                f"Validation {shown}",
                f"{last[name]:.3f}",
                f"{last[name] - before[name]:+.3f}" if name in before else None,
                delta_color="inverse" if name in LESS_IS_BETTER else "normal",
            )
    grid.metric("Speed", f"{format_rate(last['images_per_second'])}/s", help="Images in a second.")
    rate = training.steps[-1]["learning_rate"] if training.steps else last["learning_rate"]
    grid.metric("Learning rate", f"{rate:.1e}", help="Of the head.")
    grid.metric("Memory", size(last["memory_mb"] * 1e6), help="Of the training's process.")


def _details(training: Training, key: str) -> None:
    folder = folder_of(resources.workspace(), training.run.id)
    epoch = int(training.epochs[-1]["epoch"])
    try:
        dataset = open_dataset(resources.workspace(), training.run.config["dataset"])
    except WorkbenchError:
        st.caption("Its dataset is gone, so there are no images to show.")
        return
    samples = read_sample_retrievals(folder, epoch)
    if samples:
        st.markdown(f"**What it finds after epoch {epoch}**")
        st.caption(
            "Validation images and the five that lie nearest to each; the same queries after each "
            "epoch. Green is of the same class, red is not."
        )
        sample_retrievals.strip(dataset, samples, key=f"{key}-probes")
    confusions = read_confusions(folder, epoch, NUM_CONFUSIONS)
    if confusions:
        with st.expander(f"Classes it mixes up ({len(confusions)} most frequent)"):
            table = pd.DataFrame(confusions, columns=["class", "taken for", "images"])
            st.dataframe(table, hide_index=True, key=f"{key}-confusions")


def outcome(training: Training) -> str:
    """Return a line with the epochs and the time of a run."""
    seconds = sum(epoch.get("seconds", 0.0) for epoch in training.epochs)
    of = training.run.config["epochs"]
    return f"{len(training.epochs)} of {of} epochs in {duration(seconds)} of learning"
