"""Table of runs, with actions for one and a comparison of several."""

import pandas as pd
import streamlit as st

from core.commands.training import RESUME
from core.training.runs import (
    MAP,
    MAX_NOTES_LENGTH,
    MAX_TITLE_LENGTH,
    RECALL,
    change_run,
    delete_run,
)
from pages.parts.components import charts
from pages.parts.components.launch import launch
from pages.parts.components.text import duration, plain
from pages.parts.training import form, view
from state import resources, session
from state.trainings import RESUMABLE, RunState, Training, differences

FIGURES = {MAP: "mAP@10", RECALL: "recall@1", "validation_accuracy": "accuracy"}
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
    event = st.dataframe(
        pd.DataFrame([_row(training) for training in trainings]),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key="training-runs",
        placeholder="",
        column_config={
            "started": st.column_config.DatetimeColumn(format="distance"),
            **dict.fromkeys(FIGURES.values(), st.column_config.NumberColumn(format="%.3f")),
        },
    )
    chosen = [trainings[row] for row in event["selection"]["rows"] if row < len(trainings)]
    if not chosen:
        st.caption("Select a run to see it, or several to compare them.")
    elif len(chosen) == 1:
        _one(chosen[0], is_shown=chosen[0].run.id == shown_live)
    else:
        compare(chosen)


def _row(training: Training) -> dict[str, object]:
    config, best = training.run.config, training.best
    return {
        "run": training.name,
        "status": training.state.value,
        **{shown: best.get(name) for name, shown in FIGURES.items()},
        "epochs": f"{len(training.epochs)} of {config['epochs']}",
        "learning": duration(sum(epoch.get("seconds", 0.0) for epoch in training.epochs)),
        "dataset": config["dataset"],
        "backbone": config["backbone"],
        "pixels": config["image_size"],
        "notes": training.run.notes,
        "started": pd.to_datetime(training.run.created, unit="s", utc=True),
    }


def _one(training: Training, *, is_shown: bool) -> None:
    st.markdown(f"**{plain(training.name)}** · {view.outcome(training)}")
    if training.run.message:
        st.caption(plain(training.run.message))
    actions(training)
    if is_shown:
        st.caption("Its curves are above.")
    else:
        view.show(training, key="chosen")


def actions(training: Training) -> None:
    """Draw the actions for one run."""
    run = training.run
    busy = training.state in (RunState.RUNNING, RunState.QUEUED)
    with st.container(horizontal=True):
        if training.state in RESUMABLE:
            resume_button(training, "training-runs-resume")
        st.button(
            "Train again with these settings",
            key="training-again-button",
            icon=":material/replay:",
            on_click=form.repeat_run,
            args=(run.id,),
        )
        with st.popover("Name and notes", icon=":material/edit_note:"):
            _notes(training)
        with st.popover("Delete", icon=":material/delete:", disabled=busy):
            st.markdown("Its curves and its saved state go; a model that came of it stays.")
            st.button(
                f"Delete {run.id}",
                key="training-run-delete",
                type="primary",
                on_click=delete_run,
                args=(resources.workspace(), run.id),
            )


def resume_button(training: Training, key: str) -> None:
    """Draw the button that resumes a run."""
    if st.button("Resume", key=key, type="primary", icon=":material/play_arrow:"):
        dataset = training.run.config["dataset"]
        title = f"Training {training.name}"
        launch(RESUME, ["--run-id", training.run.id], dataset=dataset, title=title)


def _notes(training: Training) -> None:
    run = training.run
    with st.form(f"training-notes-{run.id}", border=False):
        title = st.text_input(
            "Name", run.title, placeholder=run.id, max_chars=MAX_TITLE_LENGTH, key=f"title-{run.id}"
        )
        notes = st.text_area("Notes", run.notes, max_chars=MAX_NOTES_LENGTH, key=f"notes-{run.id}")
        if st.form_submit_button("Save", key=f"training-notes-save-{run.id}"):
            change_run(resources.workspace(), run.id, title=title.strip(), notes=notes.strip())
            session.queue_toast("Saved.")
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
        st.markdown("**Where their settings differ**")
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
        st.caption("They have the same settings.")
