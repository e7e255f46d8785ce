"""Changing chosen images of a dataset: their tags, labels and splits, leaving out, taking back."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.datasets import curation
from core.datasets.catalog import Split
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from pages.parts.text import plain
from state import facts, session


def undo_button(dataset: Dataset, key: str) -> None:
    """Draw the way to take the last change back, if there is one."""
    step = facts.last_step(dataset.catalog)
    if step is not None:
        st.button(
            "Undo",
            key=f"{key}-undo",
            icon=":material/undo:",
            help=f"Takes back: {plain(step)}.",
            on_click=_undo,
            args=(dataset,),
        )


def changes(dataset: Dataset, ids: Sequence[int], key: str, *, take_in: bool = False) -> None:
    """Draw buttons for what can be done with images.

    Args:
        dataset: Whose images they are.
        ids: Their catalog ids.
        key: Begins the key of each widget.
        take_in: Whether some may be left out already, and can be taken in again.
    """
    with st.popover("Tag", icon=":material/label:"):
        _with_text(
            "Tag",
            f"{key}-tag",
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
            f"{key}-label",
            facts.labels(dataset.catalog),
            {"Label them so": lambda label: curation.relabel(dataset.catalog, ids, label)},
        )
    with st.popover("Move", icon=":material/drive_file_move:"):
        st.caption("Into another split; models trained before become stale.")
        for split in Split:
            _action(
                split.capitalize(), f"{key}-do-move-{split}", curation.move, dataset, ids, split
            )
    _action("Exclude", f"{key}-do-exclude", curation.exclude, dataset, ids, icon=":material/block:")
    if take_in:
        _action(
            "Take in again",
            f"{key}-do-include",
            curation.include,
            dataset,
            ids,
            icon=":material/add:",
        )


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
        key=f"{key}-text",
    )
    for number, (label, change) in enumerate(actions.items()):
        if st.button(label, key=f"{key}-{number}", disabled=not text):
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
    ids: Sequence[int],
    *arguments: Split,
    icon: str | None = None,
) -> None:
    if st.button(label, key=key, icon=icon):
        _say(change(dataset.catalog, ids, *arguments))
        st.rerun()


def _say(num_changed: int) -> None:
    if num_changed == 0:
        session.say("Nothing changed: they were so already.")
        return
    images = f"{num_changed:,} image{'s' if num_changed > 1 else ''}"
    session.say(f"{images} changed. Undo takes it back.")


def _undo(dataset: Dataset) -> None:
    title = curation.undo(dataset.catalog)
    if title is not None:
        session.say(f"Taken back: {title}.")
