"""Actions on selected images, on every page: tag, label, move, exclude, undo."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.datasets import curation
from core.datasets.columns import Split
from core.datasets.registry import Dataset
from pages.parts.components import errors
from pages.parts.components.text import counted, plain
from state import facts, session


def changes(
    dataset: Dataset,
    ids: Sequence[int],
    *,
    key: str,
    mark: str = "",
    can_include: bool = False,
) -> None:
    """Draw the actions.

    When the images are tagged, labeled or moved, they also get the tag `mark`. `can_include` is
    whether some of them may be excluded and can be included.
    """
    catalog = dataset.catalog
    with st.popover("Tag", icon=":material/label:"):
        _with_text(
            "Tag",
            f"{key}-tag",
            list(facts.tag_counts(catalog)),
            {
                "Add": lambda tag: curation.add_tag(catalog, ids, tag, mark=mark),
                "Remove": lambda tag: curation.remove_tag(catalog, ids, tag),
            },
        )
    with st.popover("Class", icon=":material/sell:"):
        st.caption("Trained models become stale.")
        _with_text(
            "Class",
            f"{key}-label",
            facts.labels(catalog),
            {"Apply": lambda label: curation.relabel(catalog, ids, label, mark=mark)},
        )
    with st.popover("Split", icon=":material/call_split:"):
        st.caption("Trained models become stale.")
        for split in Split:
            if st.button(split.capitalize(), key=f"{key}-do-move-{split}"):
                _done(curation.move(catalog, ids, split, mark=mark))
    if st.button("Exclude", key=f"{key}-do-exclude", icon=":material/block:"):
        _done(curation.exclude(catalog, ids))
    if can_include and st.button("Include", key=f"{key}-do-include", icon=":material/add:"):
        _done(curation.include(catalog, ids))


def undo_button(dataset: Dataset, *, key: str = "datasets") -> None:
    """Draw the button that reverts the last change, if there is one."""
    step = facts.last_step(dataset.catalog)
    if step is not None:
        st.button(
            "Undo",
            key=f"{key}-undo",
            icon=":material/undo:",
            help=f"Undo: {plain(step)}",
            on_click=_undo,
            args=(dataset,),
        )


def say(num_changed: int) -> None:
    """Show the number of changed images in a toast."""
    if num_changed == 0:
        session.queue_toast("Nothing to change")
        return
    images = counted(num_changed, "image")
    session.queue_toast(f"{images} changed")


def _with_text(
    name: str, key: str, known: list[str], actions: dict[str, Callable[[str], int]]
) -> None:
    """Draw a field for a new or known name, and a button for each action with it."""
    text = st.selectbox(
        name,
        known,
        index=None,
        accept_new_options=True,
        placeholder="Select or type",
        key=f"{key}-text",
    )
    for number, (label, change) in enumerate(actions.items()):
        if st.button(label, key=f"{key}-{number}", disabled=not text):
            with errors.shown():
                _done(change(str(text)))


def _done(num_changed: int) -> None:
    say(num_changed)
    st.rerun()


def _undo(dataset: Dataset) -> None:
    title = curation.undo(dataset.catalog)
    if title is not None:
        session.queue_toast(f"Undone: {title}")
