"""Data quality page: checks of an index's images."""

import streamlit as st

from core.datasets.registry import open_dataset
from core.lineage.graph import read_lineage
from pages.parts.components import errors, guards
from pages.parts.data_quality import show
from state import resources, session

chosen = session.enter_page()
st.title("Data quality")
lineage = read_lineage(resources.workspace())
index = guards.require_index(chosen, lineage, "An analysis")
with errors.shown():
    show.show(open_dataset(resources.workspace(), index.made_from["dataset"]), index, lineage)
