"""View of one training: metrics, curves, sample retrievals and confusions."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets.registry import open_dataset
from core.errors import WorkbenchError
from core.progress import format_rate
from core.training.history import read_confusions, read_sample_retrievals
from core.training.runs import MAP, RECALL, folder_of
from pages.parts.components import charts, panes, sample_retrievals
from pages.parts.components.text import duration, size
from state import resources
from state.trainings import RunState, Training

REFRESH_S = 2.0
FIGURES = {
    MAP: "mAP@10",
    RECALL: "recall@1",
    "validation_accuracy": "Accuracy",
    "validation_loss": "Loss",
}
"""Measures of the validation images → labels."""

LESS_IS_BETTER = ("validation_loss",)
NUM_CONFUSIONS = 12
CONFUSIONS_HEIGHT = 280
SMALLEST_CHANGE = 0.0005
"""Changes below this are shown as zero."""

SKELETON_HEIGHT = 360
ACTIVE = (RunState.QUEUED, RunState.RUNNING)


def follow(run_id: str, *, is_live: bool) -> None:
    """Draw a training, again every two seconds while its job is active."""
    is_in_table = resources.training(run_id) is not None

    @st.fragment(run_every=REFRESH_S if is_live else None)
    def draw() -> None:
        training = resources.training(run_id)
        with st.container(key="training-live" if is_live else "training-shown"):
            if training is None:
                st.skeleton(SKELETON_HEIGHT)
                return
            show(training, key="live")
        if not is_in_table:
            st.rerun()  # Adds it to the table of runs

    draw()


def show(training: Training, *, key: str) -> None:
    """Draw a training; `key` is the start of the widget keys, its own on the page."""
    if not training.epochs and training.state not in ACTIVE:
        return
    figures(training, key)
    charts.curves(training.epochs, training.steps, key=f"{key}-curves")
    if training.epochs:
        _details(training, key)


def figures(training: Training, key: str) -> None:
    """Draw the metrics of the newest epoch; of an ended run, those of the best."""
    is_active = training.state in ACTIVE
    epochs = training.epochs
    shown = (epochs[-1:] or [{}])[0] if is_active else training.best
    before = epochs[-2] if is_active and len(epochs) > 1 else {}
    is_measured = not epochs or any(name in shown for name in FIGURES)
    with st.container(key=f"training-figures-{key}"):
        if not is_measured:
            st.caption("The dataset has no validation images, so nothing is measured on them.")
        grid = st.grid(len(FIGURES), min_column_width=110)
    for name, label in FIGURES.items() if is_measured else ():
        change = shown[name] - before[name] if name in shown and name in before else 0.0
        _metric(grid, name, label, shown.get(name), change if is_active and epochs else None)
    number = int(shown.get("epoch", 0))
    facts = [
        f"{'Epoch' if is_active else 'Best epoch'} {number} of {training.run.config['epochs']}"
    ]
    if epochs:
        last = epochs[-1]
        rate = training.steps[-1]["learning_rate"] if training.steps else last["learning_rate"]
        facts += [
            f"{format_rate(last['images_per_second'])} images/s",
            f"learning rate {rate:.1e}",
            f"{size(last['memory_mb'] * 1e6)} of memory",
        ]
    st.caption(" · ".join(facts))


def _metric(
    place: DeltaGenerator, name: str, label: str, value: float | None, change: float | None
) -> None:
    """Draw a metric, with the change since the epoch before unless that is None."""
    is_same = change is not None and abs(change) < SMALLEST_CHANGE
    place.metric(
        label,
        "–" if value is None else f"{value:.3f}",
        None if change is None else "0.000" if is_same else f"{change:+.3f}",
        delta_color="off" if is_same else "inverse" if name in LESS_IS_BETTER else "normal",
        delta_arrow="off" if is_same else "auto",
        help="On the validation images.",
    )


def _details(training: Training, key: str) -> None:
    folder = folder_of(resources.workspace(), training.run.id)
    epoch = int(training.epochs[-1]["epoch"])
    try:
        dataset = open_dataset(resources.workspace(), training.run.config["dataset"])
    except WorkbenchError:
        st.caption("The dataset of this run was deleted.")
        return
    samples = read_sample_retrievals(folder, epoch)
    confusions = read_confusions(folder, epoch, NUM_CONFUSIONS)
    beside, first = panes.beside(f"{key}-details", content_first=True)
    if samples:
        with first:
            st.markdown(
                f"**Validation queries after epoch {epoch}**",
                help="Five nearest validation images of each query: green if of its class.",
            )
            sample_retrievals.strip(
                dataset, samples, key=f"{key}-probes", label="Validation queries"
            )
    if confusions:
        with beside:
            st.markdown(f"**Most confused classes ({len(confusions)})**")
            table = pd.DataFrame(confusions, columns=["class", "predicted", "images"])
            st.dataframe(
                table,
                hide_index=True,
                key=f"{key}-confusions",
                height=min(CONFUSIONS_HEIGHT, 38 + 35 * len(table)),
            )


def outcome(training: Training) -> str:
    """Return a line with the state, the epochs and the time of a run."""
    seconds = sum(epoch.get("seconds", 0.0) for epoch in training.epochs)
    epochs = f"{len(training.epochs)} of {training.run.config['epochs']} epochs"
    return f"{training.state.value} · {epochs} in {duration(seconds)}"
