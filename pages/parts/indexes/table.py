"""Table of all indexes, with actions for the selected one."""

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.artifacts.titles import read_title, write_title
from core.indexes.deletion import delete_index
from core.indexes.info import RECALL, read_info
from core.lineage.graph import Lineage
from pages.parts.components import errors, tables
from pages.parts.components.text import plain
from pages.parts.indexes import export, rebuild
from state import resources, selection_rules, session


def show(lineage: Lineage) -> None:
    """Draw the table of indexes, and the actions for the selected one."""
    current, parent = session.selection().index, resources.workspace().indexes
    indexes = lineage.indexes
    infos = [read_info(index) for index in indexes]
    table = pd.DataFrame(
        {
            "current": ["●" if index.id == current else "" for index in indexes],
            "index": [read_title(parent, index.id) for index in indexes],
            "state": ["stale" if lineage.stale_reason(index) else "" for index in indexes],
            "kind": [info.description for info in infos],
            "dataset": [index.made_from["dataset"] for index in indexes],
            "model": [index.made_from["model"] for index in indexes],
            "images": [index.summary["count"] for index in indexes],
            "skipped": [index.summary["num_problems"] for index in indexes],
            "recall@10": [index.summary.get(RECALL) for index in indexes],
            "MB": [None if info.size_bytes is None else info.size_bytes / 1e6 for info in infos],
            "made": [index.created for index in indexes],
        }
    )
    empty = [name for name in ("state", "recall@10") if not table[name].any()]
    table = table.drop(columns=empty)
    columns = {
        "skipped": st.column_config.NumberColumn(help="Images that could not be decoded."),
        "recall@10": st.column_config.NumberColumn(
            format="%.3f", help="Recall vs. exact search; a Flat index is exact."
        ),
        "MB": st.column_config.NumberColumn(format="%.1f"),
    }
    row = tables.pick(table, key="indexes-table", columns=columns)
    if row is None:
        st.caption("Select an index to use, rebuild, export, rename or delete it.")
    else:
        _actions(indexes[row], lineage)


def _actions(index: Manifest, lineage: Lineage) -> None:
    with st.container(horizontal=True):
        if st.button("Use", key="indexes-use", icon=":material/check:"):
            selection_rules.choose_index(session.selection(), index.id, lineage)
            st.rerun()
        if index.id != session.selection().index:  # For that one they are above
            rebuild.buttons(index, lineage, "row")
        with st.popover("Export", icon=":material/download:"):
            export.form(index)
        with st.popover("Rename", icon=":material/edit:"):
            _rename(index)
        with st.popover("Delete", icon=":material/delete:"):
            _delete(index, lineage)


def _rename(index: Manifest) -> None:
    parent = resources.workspace().indexes
    with st.form("indexes-rename", border=False):
        title = st.text_input(
            "Title", read_title(parent, index.id), max_chars=80, key=f"indexes-title-{index.id}"
        )
        st.caption(f"The id stays {plain(index.id)}; empty removes the title.")
        if st.form_submit_button("Rename", key="indexes-rename-submit"):
            with errors.shown():
                write_title(parent, index.id, title)
                st.rerun()


def _delete(index: Manifest, lineage: Lineage) -> None:
    dependents = lineage.dependents_of_index(index)
    if index.id == session.selection().index:
        st.markdown("This is the current index.")
    if dependents:
        names = plain(", ".join(made.id for made in dependents))
        st.markdown(f"These become stale: {names}")
    if read_info(index).is_remote:
        st.markdown("Also deleted on the Milvus server.")
    st.markdown("The embeddings stay.")
    if st.button(f"Delete {plain(index.id)}", key="indexes-delete", type="primary"):
        with errors.shown():
            left = delete_index(resources.workspace(), index.id)
            if session.selection().index == index.id:
                session.selection().index = None
            session.queue_toast(f"Index deleted. {left}".strip())
            st.rerun()
