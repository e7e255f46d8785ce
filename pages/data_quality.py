"""Data quality page: checks of an index's images."""

from core.datasets.registry import open_dataset
from core.lineage.graph import read_lineage
from pages.parts.components import errors, guards, header
from pages.parts.data_quality import show
from state import resources, session

chosen = session.enter_page()
line = header.title("Data quality")
lineage = read_lineage(resources.workspace())
index = guards.require_index(chosen, lineage, "An analysis")
with errors.shown():
    show.show(line, open_dataset(resources.workspace(), index.made_from["dataset"]), index, lineage)
