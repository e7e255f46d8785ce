"""The duplicates of a dataset, the most harmful first."""

import streamlit as st

from core.datasets.duplicates import Group, Kind
from core.datasets.registry import Dataset
from pages.parts.components import duplicate_groups, empty
from pages.parts.components.text import counted
from state import facts

KEY = "datasets-duplicates"
"""Prefix of the widgets' keys."""


def show(dataset: Dataset, num_unchecked: int) -> None:
    """Draw the groups of duplicates."""
    groups = facts.duplicates(dataset.catalog)
    if num_unchecked:
        st.markdown(
            f":small[{num_unchecked:,} images are not verified; near-duplicates may be missing.]"
        )
    if not groups:
        if not num_unchecked:
            empty.state(empty.DONE, "No duplicates found.", key="duplicates")
        return
    _summary(dataset, groups)
    duplicate_groups.show_groups(dataset, groups, key=KEY)


def _summary(dataset: Dataset, groups: list[Group]) -> None:
    """Draw the number of groups, and buttons that resolve all of one kind."""
    num_exact = sum(group.kind == Kind.EXACT for group in groups)
    num_leaks = sum(group.is_leaking for group in groups)
    num_open = sum(not duplicate_groups.to_exclude(dataset, [group], key=KEY) for group in groups)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{counted(num_exact, 'group')}** of exact copies · "
            f"**{counted(len(groups) - num_exact, 'group')}** of near-duplicates · "
            f"**{num_leaks:,}** across splits",
            width="content",
            help="The framed image of a group is kept; select another to keep that one.",
        )
        st.space("stretch")
        if num_open:
            st.markdown(
                f":small[{num_open:,} with conflicting classes: select the image to keep.]",
                width="content",
            )
        duplicate_groups.exclude_buttons(dataset, groups, key=KEY)
