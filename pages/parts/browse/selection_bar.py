"""Selecting images, and what can be done with those that are; that stays at the window's bottom."""

from collections.abc import Callable

import streamlit as st

from core.datasets import curation
from core.datasets.catalog import ImageRow, Split
from core.datasets.filters import Standing
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from pages.parts.text import plain
from state import facts, session
from state.view import View


def show(dataset: Dataset, view: View, rows: list[ImageRow], count: int) -> None:
    """Draw ways to select; where something is selected, at the bottom and with what can be done."""
    picked = session.selection().picked
    if not picked:
        _extend(dataset, view, rows, count)
        undo_button(dataset)
        return
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{len(picked):,}** selected", width="content")
        _extend(dataset, view, rows, count)
        _changes(dataset, view, sorted(picked))
        undo_button(dataset)


def undo_button(dataset: Dataset) -> None:
    """Draw the way to take the last change back, if there is one."""
    step = facts.last_step(dataset.catalog)
    if step is not None:
        st.button(
            "Undo",
            key="datasets-undo",
            icon=":material/undo:",
            help=f"Takes back: {plain(step)}.",
            on_click=_undo,
            args=(dataset,),
        )


def _extend(dataset: Dataset, view: View, rows: list[ImageRow], count: int) -> None:
    chosen = session.selection()
    if not chosen.picked >= {row.id for row in rows}:
        st.button(
            "Select page",
            key="datasets-pick-page",
            type="tertiary",
            on_click=_pick,
            args=(chosen.picked | {row.id for row in rows},),
        )
    if count > len(rows) and len(chosen.picked) < count:
        st.button(
            "Select all",
            key="datasets-pick-all",
            type="tertiary",
            on_click=lambda: _pick(frozenset(dataset.catalog.ids(view.images))),
        )
    if chosen.picked:
        st.button(
            "Clear",
            key="datasets-pick-none",
            type="tertiary",
            on_click=_pick,
            args=(frozenset(),),
        )


def _changes(dataset: Dataset, view: View, ids: list[int]) -> None:
    with st.popover("Tag", icon=":material/label:"):
        _with_text(
            "Tag",
            "tag",
            list(facts.tag_counts(dataset.catalog)),
            {
                "Put on": lambda tag: curation.add_tag(dataset.catalog, ids, tag),
                "Take off": lambda tag: curation.remove_tag(dataset.catalog, ids, tag),
            },
        )
    with st.popover("Label", icon=":material/sell:"):
        st.caption("Models trained before become stale; your image files stay as they are.")
        _with_text(
            "Class",
            "label",
            facts.labels(dataset.catalog),
            {"Label them so": lambda label: curation.relabel(dataset.catalog, ids, label)},
        )
    with st.popover("Move", icon=":material/drive_file_move:"):
        st.caption("Into another split; models trained before become stale.")
        for split in Split:
            _action(split.capitalize(), f"move-{split}", curation.move, dataset, ids, split)
    _action("Exclude", "exclude", curation.exclude, dataset, ids, icon=":material/block:")
    if view.images.standing != Standing.USABLE:
        _action("Take in again", "include", curation.include, dataset, ids, icon=":material/add:")


def _with_text(
    name: str, key: str, known: list[str], actions: dict[str, Callable[[str], int]]
) -> None:
    """Draw a field for a new or known name, and buttons for what is done with it."""
    text = st.selectbox(
        name,
        known,
        index=None,
        accept_new_options=True,
        placeholder="Choose or write",
        key=f"datasets-{key}-text",
    )
    for number, (label, change) in enumerate(actions.items()):
        if st.button(label, key=f"datasets-{key}-{number}", disabled=not text):
            try:
                num_changed = change(str(text))
            except WorkbenchError as error:
                st.error(plain(str(error)))
                return
            _say(num_changed)
            st.rerun()


def _action(
    label: str,
    key: str,
    change: Callable[..., int],
    dataset: Dataset,
    ids: list[int],
    *arguments: Split,
    icon: str | None = None,
) -> None:
    if st.button(label, key=f"datasets-do-{key}", icon=icon):
        _say(change(dataset.catalog, ids, *arguments))
        st.rerun()


def _say(num_changed: int) -> None:
    if num_changed == 0:
        session.say("Nothing changed: they were so already.")
        return
    images = f"{num_changed:,} image{'s' if num_changed > 1 else ''}"
    session.say(f"{images} changed. Undo takes it back.")


def _pick(ids: frozenset[int]) -> None:
    session.selection().picked = ids


def _undo(dataset: Dataset) -> None:
    title = curation.undo(dataset.catalog)
    if title is not None:
        session.say(f"Taken back: {title}.")
