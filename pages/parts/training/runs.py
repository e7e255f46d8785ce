"""Table of runs, with actions for one and a comparison of several."""

from typing import Literal

import pandas as pd
import streamlit as st

from core.commands.training import RESUME, TRAIN
from core.options import as_arguments
from core.training.config import TrainConfig
from core.training.runs import (
    MAP,
    MAX_NOTES_LENGTH,
    MAX_TITLE_LENGTH,
    RECALL,
    START_ANEW,
    change_run,
    checkpoint_of,
    delete_run,
    reserve_run,
)
from pages.parts.components import charts
from pages.parts.components.launch import launch
from pages.parts.components.text import duration, plain
from pages.parts.training import form, launcher, view
from state import resources, session
from state.trainings import RESUMABLE, RunState, Training, differences

FIGURES = {MAP: "mAP@10", RECALL: "recall@1", "validation_accuracy": "accuracy"}
CURVE = "mAP@10 by epoch"
MEASURES = {
    MAP: "mAP@10",
    RECALL: "recall@1",
    "validation_accuracy": "Accuracy",
    "validation_loss": "Validation loss",
    "train_loss": "Train loss",
}


def table(trainings: list[Training], shown_live: str | None) -> None:
    """Draw the table of runs; selecting one shows it, selecting several compares them.

    `shown_live` is the id of the run that the page shows already.
    """
    rows = pd.DataFrame([_row(training) for training in trainings])
    event = st.dataframe(
        rows if rows["notes"].any() else rows.drop(columns="notes"),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key="training-runs",
        placeholder="",
        column_config={
            "started": st.column_config.DatetimeColumn(format="distance"),
            CURVE: st.column_config.LineChartColumn(y_min=0, y_max=1),
            **dict.fromkeys(FIGURES.values(), st.column_config.NumberColumn(format="%.3f")),
        },
    )
    chosen = [trainings[row] for row in event["selection"]["rows"] if row < len(trainings)]
    if not chosen:
        st.caption("Select one run for details, several to compare.")
    elif len(chosen) == 1:
        _one(chosen[0], is_shown=chosen[0].run.id == shown_live)
    else:
        compare(chosen)


def _row(training: Training) -> dict[str, object]:
    config, best = training.run.config, training.best
    return {
        "run": training.name,
        "status": training.state.value,
        CURVE: [epoch.get(MAP, 0.0) for epoch in training.epochs],
        **{shown: best.get(name) for name, shown in FIGURES.items()},
        "epochs": f"{len(training.epochs)} of {config['epochs']}",
        "time": duration(sum(epoch.get("seconds", 0.0) for epoch in training.epochs)),
        "dataset": config["dataset"],
        "backbone": config["backbone"],
        "image size": config["image_size"],
        "notes": training.run.notes,
        "started": pd.to_datetime(training.run.created, unit="s", utc=True),
    }


def _one(training: Training, *, is_shown: bool) -> None:
    st.markdown(f"**{plain(training.name)}** · {view.outcome(training)}")
    if training.run.message:
        st.caption(plain(training.run.message))
    actions(training)
    if is_shown:
        return
    view.show(training, key="chosen")


def actions(training: Training) -> None:
    """Draw the actions for one run."""
    run = training.run
    busy = training.state in (RunState.RUNNING, RunState.QUEUED)
    with st.container(horizontal=True):
        if training.state in RESUMABLE:
            resume_button(training, "training-runs-resume")
        if not busy:
            checkpoint_button(training, "training-runs-checkpoint")
        st.button(
            "Reuse settings",
            key="training-again-button",
            icon=":material/replay:",
            on_click=form.repeat_run,
            args=(run.id,),
        )
        with st.popover("Edit notes", icon=":material/edit_note:"):
            _notes(training)
        with st.popover("Delete", icon=":material/delete:", disabled=busy):
            st.markdown("Deletes the curves and the saved state; the model stays.")
            st.button(
                f"Delete {run.id}",
                key="training-run-delete",
                type="primary",
                on_click=_delete,
                args=(run.id,),
            )


def _delete(run_id: str) -> None:
    delete_run(resources.workspace(), run_id)
    session.queue_toast("Run deleted")


def resume_button(training: Training, key: str) -> None:
    """Draw the button that resumes a run."""
    kind = _button_type(leads=not _starts_anew(training))
    if st.button("Resume", key=key, type=kind, icon=":material/play_arrow:"):
        dataset = training.run.config["dataset"]
        title = f"Training {training.name}"
        arguments = ["--run-id", training.run.id, *launcher.options_of(training.run)]
        launch(RESUME, arguments, dataset=dataset, title=title)


def checkpoint_button(training: Training, key: str) -> None:
    """Draw the button that starts a run with the same settings from a run's best weights."""
    checkpoint = checkpoint_of(resources.workspace(), training.run.id)
    if checkpoint is None:
        return
    kind = _button_type(leads=_starts_anew(training))
    if st.button("Restart from checkpoint", key=key, type=kind, icon=":material/fork_right:"):
        config = TrainConfig(**training.run.config | {"weights": str(checkpoint)})
        run_id = reserve_run(resources.workspace(), config)
        where = launcher.options_of(training.run)
        launch(TRAIN, [*as_arguments(config, defaults_too=True), "--run-id", run_id, *where])


def _button_type(*, leads: bool) -> Literal["primary", "secondary"]:
    return "primary" if leads else "secondary"


def _starts_anew(training: Training) -> bool:
    """Return whether a run was not resumed because its dataset has changed."""
    return training.run.message.endswith(START_ANEW)


def _notes(training: Training) -> None:
    run = training.run
    with st.form(f"training-notes-{run.id}", border=False):
        title = st.text_input(
            "Name", run.title, placeholder=run.id, max_chars=MAX_TITLE_LENGTH, key=f"title-{run.id}"
        )
        notes = st.text_area("Notes", run.notes, max_chars=MAX_NOTES_LENGTH, key=f"notes-{run.id}")
        if st.form_submit_button("Save", key=f"training-notes-save-{run.id}"):
            change_run(resources.workspace(), run.id, title=title.strip(), notes=notes.strip())
            session.queue_toast("Run saved")
            st.rerun()


def compare(trainings: list[Training]) -> None:
    """Draw the curves of several runs in one chart, and a table of their different settings."""
    measure = st.segmented_control(
        "Curve",
        list(MEASURES),
        default=MAP,
        required=True,
        format_func=lambda name: MEASURES[name],
        key="training-compare-measure",
    )
    curves = {training.name: training.epochs for training in trainings}
    charts.overlaid(curves, str(measure), MEASURES[str(measure)], key="training-compare")
    differing = differences(trainings)
    if differing:
        st.markdown("**Different settings**")
        names = [training.name for training in trainings]
        st.dataframe(
            pd.DataFrame(
                [[field, *values] for field, values in differing.items()],
                columns=["setting", *names],
            ),
            hide_index=True,
            key="training-differences",
        )
    else:
        st.caption("Same settings.")
