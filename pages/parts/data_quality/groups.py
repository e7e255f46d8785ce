"""Near-duplicates and split leakage: groups of images side by side."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.duplicates import Group
from core.datasets.registry import Dataset
from core.quality.config import Check
from pages.parts.components import duplicate_groups
from pages.parts.components.curation_form import undo_button
from pages.parts.data_quality import actions
from pages.parts.data_quality.ranked import csv_button
from state import quality
from state.view import QualityView


def show(dataset: Dataset, manifest: Manifest, view: QualityView) -> None:
    """Draw the groups of a check."""
    groups = quality.groups(manifest, dataset, view.check, view.threshold)
    groups = [group for group in groups if _fits(group, view)]
    if not groups:
        _show_empty(view)
        undo_button(dataset, key="quality")
        return
    key = f"quality-{view.check}"
    num_images = sum(len(group.members) for group in groups)
    st.markdown(
        f"**{len(groups):,}** groups with **{num_images:,}** images. Of each the framed image "
        "stays: click another to keep that one. Those with several labels are left to you."
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        duplicate_groups.exclude_buttons(dataset, groups, key=key)
        undo_button(dataset, key="quality")
        csv_button(quality.as_csv, manifest, dataset, groups)

    def keep(group: Group) -> None:
        actions.mark_correct(
            dataset, [member.id for member in group.members], view.check.checked_tag
        )

    duplicate_groups.show_groups(dataset, groups, key=key, keep=keep)


def _fits(group: Group, view: QualityView) -> bool:
    """Return whether an image of the group matches the filters."""
    return any(
        (not view.labels or member.label in view.labels)
        and (not view.splits or member.split in view.splits)
        for member in group.members
    )


def _show_empty(view: QualityView) -> None:
    if view.labels or view.splits:
        st.info("No group has such images. Take a filter away above.")
    elif view.check == Check.LEAKAGE:
        st.success("No image is in two splits, and none is so alike to one in another split.")
    else:
        st.success("No two images are so alike. Lower the similarity above to see more.")
