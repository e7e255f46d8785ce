"""Near-duplicates and split leakage: groups of images side by side."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.duplicates import Group
from core.datasets.registry import Dataset
from core.quality.config import Check
from pages.parts.components import duplicate_groups, empty
from pages.parts.components.curation_form import undo_button
from pages.parts.data_quality import actions, filters
from pages.parts.data_quality.ranked import csv_button
from pages.parts.data_quality.titles import MEANINGS
from state import quality
from state.view import QualityView


def show(
    dataset: Dataset, manifest: Manifest, view: QualityView, check: Check, bar: DeltaGenerator
) -> None:
    """Draw the groups of a check, and their counts and actions in the toolbar."""
    threshold = view.threshold or quality.default_threshold(manifest)
    groups = quality.groups(manifest, dataset, check, threshold)
    groups = [group for group in groups if _fits(group, view)]
    if not groups:
        _show_empty(view)
        undo_button(dataset, key="quality")
        return
    key = f"quality-{check}"
    num_images = sum(len(group.members) for group in groups)
    with bar:
        st.markdown(
            f"**{len(groups):,}** groups · **{num_images:,}** images · "
            f"{_rank(manifest, threshold)} of similarities",
            width="content",
            help=f"{MEANINGS[check]} The framed image of a group is kept; select another to keep "
            "that one.",
        )
        st.space("stretch")
        undo_button(dataset, key="quality")
        csv_button(quality.as_csv, manifest, dataset, groups)
        duplicate_groups.exclude_buttons(dataset, groups, key=key)

    def keep(group: Group) -> None:
        actions.mark_correct(dataset, [member.id for member in group.members], check.checked_tag)

    duplicate_groups.show_groups(
        dataset,
        groups,
        key=key,
        keep=keep,
        similarity_text=lambda similarity: _similarity(manifest, similarity),
    )


def _similarity(manifest: Manifest, similarity: float) -> str:
    """Return a similarity with its place among those of nearest neighbors."""
    return f"{similarity:.4f} · {_rank(manifest, similarity)}"


def _rank(manifest: Manifest, similarity: float) -> str:
    return f"top {100 * (1 - quality.percentile(manifest, similarity)):.2g} %"


def _fits(group: Group, view: QualityView) -> bool:
    """Return whether an image of the group matches the filters."""
    return any(
        (not view.labels or member.label in view.labels)
        and (not view.splits or member.split in view.splits)
        for member in group.members
    )


def _show_empty(view: QualityView) -> None:
    if view.labels or view.splits:
        filters.none_match("No groups match the filters.")
    else:
        empty.state(empty.DONE, "No groups found at this similarity threshold.", key="quality")
