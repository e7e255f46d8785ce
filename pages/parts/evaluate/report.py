"""Report tab: export as HTML, JSON and CSV, the command, and deletion."""

import shlex

import streamlit as st

from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.evaluation.comparison import Comparison
from core.evaluation.config import CLASSES, CONFUSION, QUERIES
from core.evaluation.files import Evaluation, system_name
from core.evaluation.report import html_report, json_report
from core.lineage.graph import Lineage
from pages.parts.components import downloads
from pages.parts.components.text import plain
from pages.parts.evaluate.compare import MAX_GAPS
from state import evaluations, resources, session

TABLES = {QUERIES: "Queries CSV", CLASSES: "Classes CSV", CONFUSION: "Confusion CSV"}


def show(evaluation: Evaluation, dataset: Dataset, lineage: Lineage) -> None:
    """Draw the downloads, the command and the delete button."""
    manifest = evaluation.manifest
    with st.container(horizontal=True):
        downloads.button(
            "HTML report",
            lambda: html_report(evaluation, dataset, _compared(manifest, lineage)),
            f"{manifest.id}.html",
            key="evaluate-report-html",
            help="One file with metrics, classes, worst queries, comparisons and lineage.",
            type="primary",
        )
        downloads.button(
            "JSON",
            lambda: json_report(evaluation),
            f"{manifest.id}.json",
            key="evaluate-report-json",
        )
        for name, label in TABLES.items():
            if name in manifest.files:
                path = resources.workspace().evaluations / manifest.id / name
                key = f"evaluate-report-{name}"
                downloads.button(label, path.read_bytes, f"{manifest.id}-{name}", key=key)
    command = _command(manifest)
    if command:
        st.caption("Command")
        st.code(shlex.join(command), language="bash")
    offer_deletion(manifest)


def offer_deletion(manifest: Manifest) -> None:
    """Draw the button that deletes an evaluation."""
    with st.popover("Delete evaluation", icon=":material/delete:"):
        st.markdown(f"Delete **{plain(manifest.id)}**? Its model, embeddings and index are kept.")
        if st.button("Delete", key="evaluate-delete", type="primary"):
            delete_artifact(resources.workspace().evaluations, manifest.id)
            session.selection().evaluation = None
            session.queue_toast("Evaluation deleted")
            st.rerun()


def _command(manifest: Manifest) -> list[str]:
    """Return the command of an evaluation; empty for evaluations of early versions."""
    config = manifest.config
    if "replicates" not in config:
        return []
    verb = "baseline" if "baseline" in config else "evaluate"
    options = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in config.items()
        if value != "" and not isinstance(value, bool)
    ]
    flags = [f"--{name.replace('_', '-')}" for name, value in config.items() if value is True]
    return ["python", "-m", "core", verb, *options, *flags]


def _compared(manifest: Manifest, lineage: Lineage) -> dict[str, Comparison]:
    comparisons = {}
    for other in evaluations.comparable(manifest, lineage)[:MAX_GAPS]:
        try:
            comparisons[f"{system_name(other)} ({other.id})"] = evaluations.compared(
                other, manifest
            )
        except WorkbenchError:  # Shown in the Compare tab
            continue
    return comparisons
