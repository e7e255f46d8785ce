"""Indexes page: embed a dataset; build, compare and choose indexes."""

import streamlit as st

from core.commands import index_benchmark, indexes
from core.commands.models import FIT_PCA
from core.commands.pipeline import REBUILD
from core.lineage.graph import read_lineage
from pages.parts.components import guards, job_panel
from pages.parts.components.text import plain
from pages.parts.indexes import (
    backbone_form,
    benchmark,
    build,
    current,
    export,
    recommend,
    source,
    table,
)
from state import resources, session

VERBS = (*indexes.COMMANDS, *index_benchmark.COMMANDS, FIT_PCA, REBUILD)

chosen = session.enter_page()
st.title("Indexes")
lineage = read_lineage(resources.workspace())
if chosen.dataset is None:
    job_panel.show(*VERBS)
    export.open_form()
    guards.stop_without("Datasets", "An index needs a dataset.")
if not lineage.models:
    job_panel.show(*VERBS)
    backbone_form.show(chosen.dataset, expanded=not job_panel.is_active(*VERBS))
    export.open_form()
    guards.stop_without("Training", "An index needs a model to embed the images with.")

st.markdown(f"Make **{plain(chosen.dataset)}** searchable.")
chosen_source = source.choose(chosen.dataset, lineage)
backbone_form.show(chosen.dataset)
building, comparing, recommending = st.tabs(
    [
        ":material/construction: Build",
        ":material/compare_arrows: Compare",
        ":material/auto_awesome: Advise",
    ],
    key="indexes-tabs",
    on_change="rerun",
)
if building.open:
    with building:
        build.form(chosen_source)
if comparing.open:
    with comparing:
        benchmark.form(chosen_source, lineage)
if recommending.open:
    with recommending:
        recommend.form(chosen_source)
job_panel.show(*VERBS)

index = lineage.index(chosen.index)
if index is not None:
    current.show(index, lineage)
if lineage.indexes:
    st.subheader("All indexes")
    table.show(lineage)
export.open_form()
