"""The form that lets the finders look."""

import streamlit as st

from core.artifacts.folders import Manifest
from core.options import as_arguments, field_docs
from core.quality.config import FindConfig
from pages.parts.components.launch import launch

DOCS = field_docs(FindConfig)


def show(index: Manifest, *, first: bool) -> None:
    """Draw the form."""
    columns = st.columns(3)
    neighbours = columns[0].number_input(
        "Neighbours", 2, 100, 20, key="finders-neighbours", help=DOCS["neighbours"]
    )
    least_cluster = columns[1].number_input(
        "Fewest images of a cluster",
        2,
        10_000,
        10,
        key="finders-least-cluster",
        help=DOCS["least_cluster"],
    )
    if st.button(
        "Look through them" if first else "Look again",
        key="finders-look",
        type="primary" if first else "secondary",
        icon=":material/troubleshoot:",
    ):
        config = FindConfig(
            index=index.id, neighbours=int(neighbours), least_cluster=int(least_cluster)
        )
        dataset = index.made_from["dataset"]
        launch(["find", *as_arguments(config)], f"Looking through {index.id}", about=dataset)
        st.rerun()
