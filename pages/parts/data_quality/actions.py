"""Actions on the selected images of a check, at the bottom of the window."""

from collections.abc import Iterable, Mapping

import streamlit as st

from core.datasets import curation
from core.datasets.registry import Dataset
from core.quality.config import Check
from pages.parts.components import curation_form, navigation
from pages.parts.components.text import counted
from pages.parts.data_quality.listed import Listed
from state import session


def show(dataset: Dataset, listed: Listed) -> None:
    """Draw the actions on the selected images."""
    selected = session.selection().quality_selected
    tag = listed.check.checked_tag
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{len(selected):,}** selected", width="content")
        suggestions = listed.suggestions(selected)
        if suggestions:
            st.button(
                "Apply suggestion",
                key="quality-do-accept",
                type="primary",
                icon=":material/check:",
                help="Changes each label to the suggested one.",
                on_click=accept,
                args=(dataset, suggestions, tag),
            )
        st.button(
            keep_label(listed.check),
            key="quality-do-keep",
            icon=":material/thumb_up:",
            help=f"Adds the tag “{tag}” and hides the image here.",
            on_click=mark_correct,
            args=(dataset, sorted(selected), tag),
        )
        curation_form.changes(dataset, sorted(selected), key="quality", mark=tag)
        if len(selected) == 1 and st.button(
            "Use as query", key="quality-do-query", icon=":material/image_search:"
        ):
            navigation.query_by(*selected)
        curation_form.undo_button(dataset, key="quality")


def accept(dataset: Dataset, labels: Mapping[int, str], tag: str) -> None:
    """Give images their suggested labels."""
    title = "labeled {} as suggested"
    curation_form.say(curation.relabel_each(dataset.catalog, labels, title, mark=tag))


def mark_correct(dataset: Dataset, ids: Iterable[int], tag: str) -> None:
    """Tag images as reviewed and correct."""
    count = curation.add_tag(dataset.catalog, ids, tag)
    session.queue_toast(f"{counted(count, 'image')} reviewed")


def keep_label(check: Check) -> str:
    """Return the label of the button that marks images as correct."""
    return "Label is correct" if check == Check.LABEL_ISSUES else "Mark as reviewed"
