"""Near-duplicates and split leakage: groups of images side by side."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.duplicates import Group, Kind
from core.datasets.registry import Dataset
from core.quality.config import Check
from pages.parts.components.curation_form import undo_button
from pages.parts.data_quality import actions
from pages.parts.data_quality.ranked import csv_button
from pages.parts.datasets import duplicates
from state import quality
from state.quality_view import QualityView

KINDS = {
    Kind.EXACT: ("exact copies", None),
    Kind.NEAR: ("look-alikes", "Look through them first: some may only be alike."),
    Kind.MODEL: (
        "that are alike to the model",
        "Look through them first: a model may find different images alike.",
    ),
}


def show(dataset: Dataset, manifest: Manifest, view: QualityView) -> None:
    """Draw the groups of a check."""
    groups = [group for group in quality.groups(manifest, dataset, view) if _fits(group, view)]
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
        for kind, (name, advice) in KINDS.items():
            of_kind = [group for group in groups if group.kind == kind]
            marked = duplicates.to_exclude(dataset, of_kind, key=key)
            if marked:
                st.button(
                    f"Exclude all {len(marked):,} {name}",
                    key=f"{key}-all-{kind}",
                    type="primary" if kind == Kind.EXACT else "secondary",
                    icon=":material/done_all:",
                    help=advice,
                    on_click=duplicates.exclude,
                    args=(dataset, marked),
                )
        undo_button(dataset, key="quality")
        csv_button(quality.as_csv, manifest, dataset, groups)

    def keep(group: Group) -> None:
        actions.keep(dataset, [member.id for member in group.members], view.check.checked_tag)

    duplicates.show_groups(dataset, groups, key=key, keep=keep)


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
