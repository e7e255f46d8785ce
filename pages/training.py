"""Training page: start and follow a training, compare runs, manage models."""

import streamlit as st

from core.datasets.registry import open_dataset
from core.jobs.records import Status
from core.lineage.graph import read_lineage
from core.training.runs import request_pause
from pages.parts.components import guards, job_panel, navigation
from pages.parts.components.text import plain
from pages.parts.training import form, models, runs, transfer, view
from state import facts, resources, session
from state.job_views import JobView
from state.trainings import RESUMABLE, VERBS, RunState, Training, run_id_of


def pause_button(job: JobView) -> None:
    """Draw the button that pauses a job's training."""
    if job.record.status == Status.RUNNING and run_id_of(job.record):
        st.button(
            "Pause",
            key=f"training-pause-{job.record.id}",
            icon=":material/pause_circle:",
            disabled=job.stopping,
            on_click=pause,
            args=(job,),
            help="Saves its state and ends its process; Resume goes on as if nothing had been. "
            "Stop makes a model of the best epoch so far.",
        )


def pause(job: JobView) -> None:
    """Pause a training; callback of the button."""
    request_pause(resources.workspace(), run_id_of(job.record))
    resources.jobs().stop(job.record.id)


def sentence_of(job: JobView) -> str | None:
    """Return a message if the job's training can be resumed."""
    training = resources.training(run_id_of(job.record))
    if training is None or training.state not in RESUMABLE:
        return None
    name = plain(training.name)
    match training.state:
        case RunState.PAUSED:
            why = plain(training.run.message)
            return f":orange[:material/pause_circle:] {name} is paused. {why}"
        case RunState.INTERRUPTED:
            return (
                f":red[:material/power_off:] {name} was interrupted: its process ended without a "
                "word, as it does when the machine runs out of memory or goes down. Resume it: it "
                "goes on from its last saved state."
            )
    return None


def offer_resume(training: Training | None) -> None:
    """Draw the button that resumes a training, if it can be resumed."""
    if training is not None and training.state in (RunState.PAUSED, RunState.INTERRUPTED):
        with st.container(horizontal=True, vertical_alignment="center"):
            runs.resume_button(training, "training-resume")
            st.caption(f"{plain(training.name)} · {view.outcome(training)}")


chosen = session.enter_page()
st.title("Training")
workspace = resources.workspace()
lineage = read_lineage(workspace)
if chosen.dataset is None:
    guards.stop_without("Datasets", "Training needs a dataset with labeled images.")
dataset = open_dataset(workspace, chosen.dataset)
labels = facts.labels(dataset.catalog)

show_requirements = form.nothing
running = job_panel.is_active(*VERBS)
if len(labels) < 2:
    st.info(
        f"“{plain(dataset.name)}” has {'one class' if labels else 'no labels'}: training needs at "
        "least two classes to tell apart. Choose or bring in another dataset."
    )
    if st.button("Go to Datasets", key="training-go-datasets"):
        navigation.go("Datasets")
elif running:
    with st.expander("Queue another training"):
        show_requirements = form.show(dataset)
else:
    st.markdown(f"Train on **{plain(dataset.name)}**: {len(labels)} classes.")
    show_requirements = form.show(dataset)

job = job_panel.show(*VERBS, controls=pause_button, sentence=sentence_of)
followed = run_id_of(job.record) if job is not None else None
if followed:
    offer_resume(resources.training(followed))
    view.follow(followed, is_live=job is not None and job.active)

trained = lineage.model(chosen.model)
if trained and not running and not lineage.indexes_of(dataset=chosen.dataset, model=trained.id):
    st.markdown(f"Next: make **{plain(chosen.dataset)}** searchable with {plain(trained.id)}.")
    models.index_button(chosen.dataset, trained.id, "training-next", primary=True)
trainings = resources.trainings()
if trainings:
    st.subheader("Runs")
    runs.table(trainings, followed)
st.subheader("Models")
job_panel.show(*transfer.VERBS)
if lineage.models:
    models.table(lineage)
transfer.import_form()
show_requirements()
