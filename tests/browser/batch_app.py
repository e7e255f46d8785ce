"""The batch form and the matches' popover on a page of their own, for test_batch.py."""

import streamlit as st

from core.datasets.registry import open_dataset
from core.lineage import read_lineage
from core.retrieval.match_export import Asked
from core.retrieval.search import Match
from pages.parts.query import batch, take_out
from state import choices, resources, session

st.set_page_config(layout="wide")
workspace, chosen = resources.workspace(), session.selection()
lineage = read_lineage(workspace)
choices.take_over(chosen, resources.jobs(), lineage)
choices.settle(chosen, lineage)
[index] = lineage.indexes
dataset = open_dataset(workspace, index.made_from["dataset"])
matches = [Match(row, row.id, 1.0) for row in dataset.catalog.rows(limit=3)]
take_out.popover(dataset, matches, Asked(index=index, query="some/query.png", k=3))
batch.show(index)
