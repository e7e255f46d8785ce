"""Indexes page: embed a dataset; build, benchmark and choose indexes."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands import index_benchmark, indexes
from core.commands.models import FIT_PCA
from core.commands.pipeline import REBUILD
from core.lineage.graph import Lineage, read_lineage
from pages.parts.components import empty, guards, header, jobs_menu, panes
from pages.parts.indexes import (
    backbone_form,
    benchmark,
    build,
    current,
    export,
    recommend,
    table,
)
from state import resources, session

VERBS = (*indexes.COMMANDS, *index_benchmark.COMMANDS, FIT_PCA, REBUILD)
BUILD, BENCHMARK, RECOMMEND = SECTIONS = ("Build", "Benchmark", "Recommend")
SECTIONS_WIDTH = 272
"""In pixels, so that its place is as wide before its script is loaded."""


def show_build(dataset: str, index: Manifest | None, lineage: Lineage) -> None:
    """Draw the form of an index beside the current one."""
    controls, content = panes.beside("build")
    with controls:
        build.form(dataset, lineage)
        backbone_form.show(dataset)
    with content:
        if index is not None:
            current.show(index, lineage)
        elif not jobs_menu.wait_for(*VERBS):
            empty.state("hub", "Recall and latency of the index appear here.", key="index")


chosen = session.enter_page()
title = header.title("Indexes")
lineage = read_lineage(resources.workspace())
index = lineage.index(chosen.index)
section = BUILD
with title:
    if chosen.dataset is not None and lineage.models:
        section = str(
            st.segmented_control(
                "Section",
                SECTIONS,
                default=BUILD,
                required=True,
                key="indexes-tabs",
                label_visibility="collapsed",
                width=SECTIONS_WIDTH,
            )
        )
    if index is not None:
        guards.next_step(
            "Query", "Query index", primary=section == BUILD and not lineage.stale_reason(index)
        )
    export.import_form()
if chosen.dataset is None:
    jobs_menu.wait_for(*VERBS)
    guards.stop_without("Datasets", "An index needs a dataset.")
if not lineage.models:
    jobs_menu.wait_for(*VERBS)
    backbone_form.show(chosen.dataset, expanded=not jobs_menu.is_active(*VERBS))
    guards.stop_without("Training", "An index needs a model to embed the images with.")

if section == BUILD:
    show_build(chosen.dataset, index, lineage)
elif section == BENCHMARK:
    benchmark.show(chosen.dataset, lineage)
else:
    recommend.show(chosen.dataset, index, lineage)
if lineage.indexes:
    st.header("All indexes", anchor=False)
    table.show(lineage)
