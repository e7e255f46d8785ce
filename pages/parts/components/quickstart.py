"""Quick start: one button from the images of a dataset to search."""

import streamlit as st

from core.commands.pipeline import QUICKSTART
from core.lineage.graph import Lineage, read_lineage
from pages.parts.components import job_panel, navigation
from pages.parts.components.launch import launch
from state import resources, selection_rules, session
from state.job_views import JobView


def offer(dataset: str, lineage: Lineage, key: str) -> bool:
    """Draw the button that makes a dataset searchable; return whether it is drawn.

    It is not drawn for a dataset that has an index, nor while the pipeline runs.
    """
    if lineage.indexes_of(dataset=dataset) or job_panel.is_active(QUICKSTART):
        return False
    if st.button(
        "Make searchable",
        key=f"quickstart-{key}",
        type="primary",
        icon=":material/bolt:",
        help="Trains a head on pre-trained features, then builds an index, an evaluation and a "
        "map. Takes minutes, without a download.",
    ):
        launch(QUICKSTART, ["--name", dataset], dataset=dataset)
    return True


def open_query(view: JobView) -> None:
    """Draw a button to the Query page beside a running pipeline, once there is an index."""
    name = view.record.dataset
    if view.record.verb != QUICKSTART.name:
        return
    lineage = read_lineage(resources.workspace())
    if not lineage.indexes_of(dataset=name):
        return
    if st.button("Query", key="quickstart-query", type="primary", icon=":material/search:"):
        chosen = session.selection()
        if chosen.dataset != name or chosen.index is None:
            selection_rules.choose_dataset(chosen, name, lineage)
        navigation.go("Query")
