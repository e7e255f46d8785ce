"""The form that lets the finders look."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.options import as_arguments, field_docs
from core.quality.config import AnalysisConfig
from pages.parts.components.launch import launch

DOCS = field_docs(AnalysisConfig)


def show(index: Manifest, *, first: bool) -> None:
    """Draw the form."""
    columns = st.columns(3)
    neighbors = columns[0].number_input(
        "Neighbors", 2, 100, 20, key="quality-neighbors", help=DOCS["neighbors"]
    )
    min_cluster_size = columns[1].number_input(
        "Fewest images of a cluster",
        2,
        10_000,
        10,
        key="quality-least-cluster",
        help=DOCS["min_cluster_size"],
    )
    if st.button(
        "Look through them" if first else "Look again",
        key="quality-start",
        type="primary" if first else "secondary",
        icon=":material/troubleshoot:",
    ):
        config = AnalysisConfig(
            index=index.id, neighbors=int(neighbors), min_cluster_size=int(min_cluster_size)
        )
        dataset = index.made_from["dataset"]
        launch(["find", *as_arguments(config)], f"Looking through {index.id}", dataset=dataset)
        st.rerun()
