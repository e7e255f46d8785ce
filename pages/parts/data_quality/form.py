"""Form that starts an analysis."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.quality import ANALYZE
from core.options import as_arguments, bounds_of, default_of, field_docs
from core.quality.config import AnalysisConfig
from pages.parts.components.launch import launch

DOCS = field_docs(AnalysisConfig)


def show(index: Manifest, *, first: bool) -> None:
    """Draw the form; `first` is whether the index has no analysis yet."""
    labels = {"neighbors": "Neighbors", "min_cluster_size": "Fewest images of a cluster"}
    columns = st.columns(3)
    values = {
        name: column.number_input(
            label,
            *bounds_of(AnalysisConfig, name),
            default_of(AnalysisConfig, name),
            key=f"quality-{name.replace('_', '-')}",
            help=DOCS[name],
        )
        for column, (name, label) in zip(columns, labels.items(), strict=False)
    }
    if st.button(
        "Look through them" if first else "Look again",
        key="quality-start",
        type="primary" if first else "secondary",
        icon=":material/troubleshoot:",
    ):
        config = AnalysisConfig(index=index.id, **values)
        dataset = index.made_from["dataset"]
        launch(ANALYZE, as_arguments(config), dataset=dataset)
        st.rerun()
