"""Training page: start and follow a training, compare runs, manage models."""

from collections.abc import Callable

import streamlit as st

from core.datasets.registry import open_dataset
from core.lineage.graph import read_lineage
from pages.parts.components import empty, guards, header, jobs_menu, navigation, panes
from pages.parts.components.text import plain
from pages.parts.training import form, models, runs, transfer, view
from state import facts, resources, session
from state.job_views import JobView
from state.trainings import RESUMABLE, VERBS, RunState, Training, run_id_of


def followed_run(job: JobView | None, dataset: str) -> str | None:
    """Return the id of the run that the page shows: the active one, else the dataset's newest."""
    if job is not None:
        return run_id_of(job.record)
    own = (run for run in resources.trainings() if run.run.config["dataset"] == dataset)
    return next((training.run.id for training in own), None)


def ended(training: Training | None, dataset: str, trained: str | None) -> None:
    """Draw name and outcome of a run that does not run, with the next step.

    `trained` is the id of a model without an index.
    """
    if training is None or training.state in view.ACTIVE:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="training-outcome"):
        st.header(plain(training.name), anchor=False, width="content")
        st.caption(view.outcome(training), width="content")
        if trained:
            models.index_button(dataset, trained, "training-next", primary=True)
        if training.state in RESUMABLE:
            runs.resume_button(training, "training-resume")
        if training.state == RunState.FAILED:
            runs.checkpoint_button(training, "training-checkpoint")
    if training.state == RunState.FAILED and training.run.message:
        st.error(plain(training.run.message))


def follow(
    run_id: str | None, job: JobView | None, dataset: str, trained: str | None = None
) -> None:
    """Draw the run that the page follows; `trained` is the id of a model without an index."""
    jobs_menu.wait_for(*VERBS)
    if run_id is None:
        empty.state("monitoring", "Curves and sample retrievals appear here.", key="training")
        return
    if job is None:
        ended(resources.training(run_id), dataset, trained)
    view.follow(run_id, is_live=job is not None and job.active)


chosen = session.enter_page()
title = header.title("Training")
workspace = resources.workspace()
lineage = read_lineage(workspace)
if chosen.dataset is None:
    guards.stop_without("Datasets", "Training needs a dataset with labeled images.")
dataset = open_dataset(workspace, chosen.dataset)
labels = facts.labels(dataset.catalog)
job = jobs_menu.running(*VERBS)
run_id = followed_run(job, dataset.name)
show_requirements: Callable[[], None] = form.nothing

trained = lineage.model(chosen.model)
has_result = bool(
    trained and not job and not lineage.indexes_of(dataset=dataset.name, model=trained.id)
)
shown = resources.training(run_id) if run_id else None
is_paused = shown is not None and shown.state == RunState.PAUSED
with title:
    if trained and has_result and not run_id:  # Otherwise it is beside the run's outcome
        models.index_button(dataset.name, trained.id, "training-next", primary=True)
    if len(labels) > 1 and (job or has_result or is_paused):
        with st.popover("Queue training" if job else "New training", icon=":material/add:"):
            show_requirements = form.show(dataset)
    with st.popover("Import model", icon=":material/upload:"):
        transfer.import_form()

if len(labels) < 2:
    if empty.button(
        "label",
        f"“{plain(dataset.name)}” has {'one class' if labels else 'no labels'}: training needs at "
        "least two classes.",
        "Label images",
        key="training-go-datasets",
    ):
        navigation.go("Datasets")
    if run_id is not None or job:
        follow(run_id, job, dataset.name)
elif job or has_result or is_paused:
    follow(run_id, job, dataset.name, trained.id if trained and has_result else None)
else:
    controls, content = panes.beside("training")
    with controls:
        show_requirements = form.show(dataset)
    with content:
        follow(run_id, job, dataset.name)

trainings = resources.trainings()
if trainings or lineage.models:
    run_table, model_table = st.tabs(["Runs", "Models"])
    with run_table:
        runs.table(trainings, run_id) if trainings else empty.state(
            "history", "No runs yet.", key="runs"
        )
    with model_table:
        if lineage.models:
            models.table(lineage)
show_requirements()
