"""Table of models, with actions for one: use, index and evaluate, export, delete."""

from typing import NoReturn

import pandas as pd
import streamlit as st

from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.commands.indexes import BUILD_INDEX
from core.lineage.graph import Lineage
from pages.parts.components import navigation, tables
from pages.parts.components.launch import queue
from pages.parts.components.text import plain
from pages.parts.training import transfer
from state import resources, session

VALIDATION = {
    "validation_map_at_10": "mAP@10",
    "validation_recall_at_1": "recall@1",
    "validation_accuracy": "accuracy",
}
TEST = {"map_at_10": "test mAP@10", "recall_at_1": "test recall@1"}


def table(lineage: Lineage) -> None:
    """Draw the table of models, and the actions for the selected one."""
    models = lineage.models
    rows = pd.DataFrame(
        {
            "model": [model.id for model in models],
            "stale": [lineage.stale_reason(model) for model in models],
            "dataset": [model.made_from["dataset"] or "imported" for model in models],
            **{
                shown: [model.summary.get(name) for model in models]
                for name, shown in VALIDATION.items()
            },
            **{
                shown: [_tested(model, lineage).get(name) for model in models]
                for name, shown in TEST.items()
            },
            "best epoch": [model.summary["best_epoch"] for model in models],
            "images": [model.summary["num_train"] for model in models],
            "made": [model.created for model in models],
        }
    )
    figure = st.column_config.NumberColumn(format="%.3f")
    shown = dict.fromkeys([*VALIDATION.values(), *TEST.values()], figure)
    row = tables.pick(rows, key="training-models", columns=shown)
    if row is None:
        st.caption("Select a model to use, index, export or delete it.")
    else:
        actions(models[row], lineage)


def _tested(model: Manifest, lineage: Lineage) -> dict[str, float]:
    """Return the newest evaluation of a model on its own dataset."""
    evaluation = lineage.evaluation_of_model(model)
    return evaluation.summary if evaluation else {}


def actions(model: Manifest, lineage: Lineage) -> None:
    """Draw the actions for one model."""
    dependents = [index.id for index in lineage.indexes_of(model=model.id)]
    chosen = session.selection()
    if note := model.summary.get("not_verified"):
        st.caption(f"Imported: {plain(str(note))}.")
    with st.container(horizontal=True):
        if st.button("Use", key="training-use", icon=":material/check:"):
            chosen.model = model.id
            st.rerun()
        if chosen.dataset:
            index_button(chosen.dataset, model.id, "training-index")
        with st.popover("Export", icon=":material/download:"):
            transfer.export_form(model)
        with st.popover("Delete", icon=":material/delete:"):
            if dependents:
                names = plain(", ".join(dependents))
                st.markdown(f"Indexes that cannot be searched without it: {names}")
            if st.button(f"Delete {model.id}", key="training-delete", type="primary"):
                _delete(model)


def _delete(model: Manifest) -> NoReturn:
    delete_artifact(resources.workspace().models, model.id)
    chosen = session.selection()
    if chosen.model == model.id:
        chosen.model = None  # Another one is selected, without a notice that this one is gone
    session.queue_toast("Model deleted")
    st.rerun()


def index_button(dataset: str, model_id: str, key: str, *, primary: bool = False) -> None:
    """Draw the button that embeds, indexes and evaluates the dataset with a model."""
    if st.button(
        "Build index",
        key=key,
        icon=":material/arrow_forward:" if primary else ":material/hub:",
        type="primary" if primary else "secondary",
        help="Embeds the dataset with this model, builds an index and evaluates it.",
    ):
        queue(BUILD_INDEX, ["--dataset", dataset, "--model", model_id, "--evaluate"])
        navigation.go("Indexes")
