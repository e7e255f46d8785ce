"""The duplicates of a dataset, the most harmful first."""

import streamlit as st

from core.datasets.duplicates import Group, Kind
from core.datasets.registry import Dataset
from pages.parts.components import duplicate_groups
from pages.parts.components.curation_form import undo_button
from state import facts

KEY = "datasets-duplicates"
"""Prefix of the widgets' keys."""


def show(dataset: Dataset, num_unchecked: int) -> None:
    """Draw the groups of duplicates."""
    groups = facts.duplicates(dataset.catalog)
    if num_unchecked:
        st.info(
            f"Look-alikes are known only among checked images; {num_unchecked:,} are yet to be "
            "checked. Exact copies are all here."
        )
    if not groups:
        if not num_unchecked:
            st.success("No image in use is there twice, and none looks like another.")
        undo_button(dataset)
        return
    _summary(dataset, groups)
    duplicate_groups.show_groups(dataset, groups, key=KEY)


def _summary(dataset: Dataset, groups: list[Group]) -> None:
    """Draw the number of groups, and buttons that resolve all of one kind."""
    num_exact = sum(group.kind == Kind.EXACT for group in groups)
    num_leaks = sum(group.is_leaking for group in groups)
    num_open = sum(not duplicate_groups.to_exclude(dataset, [group], key=KEY) for group in groups)
    st.markdown(
        f"**{num_exact:,}** groups of exact copies and **{len(groups) - num_exact:,}** of "
        f"look-alikes. **{num_leaks:,}** are in several splits, which flatters what is measured on "
        "them; those come first. Of each group the framed image stays, the tested one or else "
        "the largest: click another to keep that one."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        duplicate_groups.exclude_buttons(dataset, groups, key=KEY)
        undo_button(dataset)
        if num_open:
            st.caption(
                f"{num_open:,} with several labels are left to you: click the one that is right.",
                width="content",
            )
