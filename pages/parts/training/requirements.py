"""Requirements of a training: disk space, and time measured on a few batches."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.datasets.registry import Dataset
from core.jobs.records import Status
from core.lineage.disk_use import free_bytes
from core.options import as_arguments
from core.training.config import TrainConfig
from pages.parts.components.text import duration, plain, size
from state import facts, resources
from state.job_views import JobView

LANE = "estimate"
REFRESH_S = 1.0


def show_time(dataset: Dataset, config: TrainConfig) -> None:
    """Draw the estimated time of a training, or the button that measures it."""
    arguments = ["estimate", *as_arguments(config, defaults_too=True)]
    view = next(
        (v for v in resources.jobs().views() if v.record.arguments == tuple(arguments)), None
    )
    if view is not None and view.active:
        _wait(view.record.id)
    elif view is not None and view.result is not None:
        seconds, before = view.result["seconds"], view.result["prepare_seconds"]
        st.caption(
            f":material/timer: About **{duration(seconds)}**",
            help=f"{duration(before)} before the first step, unless cached by an earlier run.",
        )
    else:
        if view is not None:
            st.caption(f":material/timer_off: {_failure(view)}")
        st.button(
            "Estimate time",
            key="training-estimate",
            icon=":material/timer:",
            type="tertiary",
            help="Measures a few batches with these settings.",
            on_click=_measure,
            args=(arguments, dataset.name),
        )


def _measure(arguments: list[str], dataset: str) -> None:
    title = f"Estimating a training on {dataset}"
    resources.jobs().start(arguments, title, LANE, dataset=dataset)


@st.fragment(run_every=REFRESH_S)
def _wait(job_id: str) -> None:
    view = resources.jobs().view(job_id)
    if view is None or not view.active:
        st.rerun()
    st.caption(f":material/timer: {plain(view.progress.note) or 'Measuring a few batches'}…")


def _failure(view: JobView) -> str:
    if view.record.status == Status.FAILED:
        return plain(view.message)
    return "The measurement was stopped."


def show_room(place: DeltaGenerator, dataset: Dataset, config: TrainConfig) -> None:
    """Draw a training's parameters and disk space into a place of the page."""
    needed = facts.training_requirements_of(dataset, config)
    place.caption(
        f"{_millions(needed.num_trainable)} trainable parameters, "
        f"{_millions(needed.num_frozen)} frozen · {size(needed.cache_bytes)} of disk"
    )
    free = free_bytes(resources.workspace())
    if needed.cache_bytes > free:
        place.warning(
            f"Only {size(free)} of disk are free. Reduce image size or cached views, or free space."
        )


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f} M"
