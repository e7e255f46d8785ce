"""The batch form and the matches' popover on a page of their own, for test_batch.py."""

import streamlit as st

from core.datasets.registry import open_dataset
from core.lineage.graph import read_lineage
from core.query.result import Match
from pages.parts.components import jobs_menu
from pages.parts.query import batch, export
from state import resources, selection_rules, session
from tests.factories.queries import result_of

st.set_page_config(layout="wide")
workspace, chosen = resources.workspace(), session.selection()
lineage = read_lineage(workspace)
selection_rules.adopt_results(chosen, resources.jobs(), lineage)
selection_rules.validate(chosen, lineage)
[index] = lineage.indexes
dataset = open_dataset(workspace, index.made_from["dataset"])
matches = [Match(row, row.id, 1.0) for row in dataset.catalog.rows(limit=3)]
jobs_menu.show()
export.popover(dataset, result_of(index, matches, name="some/query.png"))
batch.show(index)
