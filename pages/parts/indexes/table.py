"""Table of all indexes, with actions for the selected one."""

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.artifacts.titles import read_title, write_title
from core.indexes.deletion import delete_index
from core.indexes.info import read_info
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
            "stale": [lineage.stale_reason(index) for index in indexes],
            "kind": [info.description for info in infos],
            "dataset": [index.made_from["dataset"] for index in indexes],
            "model": [index.made_from["model"] for index in indexes],
            "images": [index.summary["count"] for index in indexes],
            "left out": [index.summary["num_problems"] for index in indexes],
            "MB": [None if info.size_bytes is None else info.size_bytes / 1e6 for info in infos],
            "made": [index.created for index in indexes],
        }
    )
    columns = {
        "left out": st.column_config.NumberColumn(help="Images that could not be decoded."),
        "MB": st.column_config.NumberColumn(format="%.1f"),
    }
    row = tables.pick(table, key="indexes-table", columns=columns)
    if row is None:
        st.caption(
            "Select an index to make it the current one, to take it out, rename, rebuild or delete "
            "it."
        )
    else:
        _actions(indexes[row], lineage)


def _actions(index: Manifest, lineage: Lineage) -> None:
    with st.container(horizontal=True):
        if st.button("Use this one", key="indexes-use", icon=":material/check:"):
            selection_rules.choose_index(session.selection(), index.id, lineage)
            st.rerun()
        rebuild.buttons(index, lineage, "row")
        with st.popover("Take out", icon=":material/download:"):
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
        st.caption(f"Commands go on calling it {plain(index.id)}. Empty takes the title away.")
        if st.form_submit_button("Rename", key="indexes-rename-submit"):
            with errors.shown():
                write_title(parent, index.id, title)
                st.rerun()


def _delete(index: Manifest, lineage: Lineage) -> None:
    dependents = lineage.dependents_of_index(index)
    if index.id == session.selection().index:
        st.markdown("It is the index that Query and Explore use now.")
    if dependents:
        names = plain(", ".join(made.id for made in dependents))
        st.markdown(f"These were made from it and go stale with it: {names}")
    if read_info(index).is_remote:
        st.markdown("It is deleted on the Milvus server, too.")
    st.markdown("The embeddings stay, so it can be built again.")
    if st.button(f"Delete {plain(index.id)}", key="indexes-delete", type="primary"):
        with errors.shown():
            left = delete_index(resources.workspace(), index.id)
            session.queue_toast(f"{index.id} is deleted. {left}".strip())
            st.rerun()
