"""Data quality page: checks of an index's images."""

import streamlit as st

from core.datasets.registry import open_dataset
from core.errors import WorkbenchError
from core.lineage.graph import read_lineage
from pages.parts.components import guards
from pages.parts.components.text import plain
from pages.parts.data_quality import show
from state import resources, session

chosen = session.enter_page()
st.title("Data quality")
lineage = read_lineage(resources.workspace())
index = guards.require_index(chosen, lineage, "An analysis")
try:
    show.show(open_dataset(resources.workspace(), index.made_from["dataset"]), index, lineage)
except WorkbenchError as error:
    st.error(plain(str(error)))
