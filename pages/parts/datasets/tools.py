"""Tools of the Datasets page, each in a dialog, from import to deletion."""

from collections.abc import Callable

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.datasets import RELINK, RESCAN, VERIFY
from core.datasets.importing.scan import resplit
from core.datasets.registry import Dataset, delete_dataset
from core.indexes.deletion import delete_index
from core.lineage.graph import Lineage, delete_with_dependents
from core.net.remote_address import check_source
from pages.parts.components import errors
from pages.parts.components.launch import launch, queue
from pages.parts.components.text import counted, plain
from pages.parts.datasets import add_form, export_form, import_form
from pages.parts.datasets.reading_fields import USES
from pages.parts.datasets.split_fields import split_fields
from state import previews, resources, session
from state.view import View

IMPORT, ADD_IMAGES, FOLDERS = "Import", "Add images", "Folders"
VERIFY_IMAGES = "Verify images"
TOOLS = {
    VERIFY_IMAGES: ":material/fact_check:",
    ADD_IMAGES: ":material/add_photo_alternate:",
    "Rescan": ":material/refresh:",
    "Split": ":material/call_split:",
    "Export": ":material/download:",
    FOLDERS: ":material/folder_open:",
    "Delete": ":material/delete:",
}
"""Tool of the menu → icon."""

OPEN = "datasets-tool"
"""The open tool, and the number of jobs that this tab had started before."""

MAX_NAMED = 12
"""Most dependents that are listed by name."""


def menu(dataset: Dataset, *, is_verified: bool) -> None:
    """Draw the buttons that open the tools; images that are verified need no verification."""
    st.button(
        "Import",
        key="datasets-import",
        icon=":material/library_add:",
        on_click=_open,
        args=(IMPORT,),
    )
    st.menu_button(
        "Manage",
        [name for name in TOOLS if not (name == VERIFY_IMAGES and is_verified)],
        format_func=lambda name: f"{TOOLS[name]} {name}",
        key="datasets-manage",
        icon=":material/settings:",
        on_click=lambda: _choose(dataset, session.value_of("datasets-manage")),
    )


def missing_folder(dataset: Dataset) -> None:
    """Draw a button that leads to the folders if one of them is missing."""
    missing = [root.shown for root in dataset.roots if not root.is_there]
    if missing:
        st.button(
            ":red[Folder missing]",
            key="datasets-folder-missing",
            icon=":material/folder_off:",
            help=f"{plain(missing[0])} does not exist; set where it is now.",
            on_click=_open,
            args=(FOLDERS,),
        )


def show(dataset: Dataset, view: View, lineage: Lineage) -> None:
    """Draw the dialog of the open tool, in every run until it is closed or has started a job."""
    name, num_launched = session.value_of(OPEN) or ("", 0)
    chosen = session.selection()
    if not name or chosen.open_image or chosen.open_job:
        return
    if len(chosen.launched_jobs) > num_launched:
        _close()
        return
    draw: dict[str, Callable[[], None]] = {
        IMPORT: lambda: import_form.show(len(lineage.datasets)),
        ADD_IMAGES: lambda: add_form.show(dataset, lambda: _open(ADD_IMAGES)),
        "Rescan": lambda: _scan(dataset),
        "Split": lambda: _split(dataset),
        "Export": lambda: export_form.show(dataset, view),
        FOLDERS: lambda: _folders(dataset),
        "Delete": lambda: _delete(dataset, lineage.dependents_of(dataset.name)),
    }
    title = "Import dataset" if name == IMPORT else f"{name} · {plain(dataset.name)}"
    st.dialog(title, width="medium", on_dismiss=_close)(draw[name])()


def _choose(dataset: Dataset, name: str | None) -> None:
    if name == VERIFY_IMAGES:
        queue(VERIFY, ["--dataset", dataset.name])
    else:
        _open(name)


def _open(name: str | None) -> None:
    if name is not None:
        session.remember(OPEN, (name, len(session.selection().launched_jobs)))


def _close() -> None:
    session.remember(OPEN, None)


def _scan(dataset: Dataset) -> None:
    st.markdown(
        "Finds new, changed, moved and deleted files, and reads annotations again. Tags, splits "
        "and given labels are kept."
    )
    verify = st.checkbox(
        "Rehash all files",
        key="datasets-verify",
        help="Also reads files whose size and time have not changed.",
    )
    _changes(dataset)
    if st.button("Rescan", key="datasets-rescan", type="primary"):
        options = ["--verify-all"] if verify else []
        launch(RESCAN, ["--dataset", dataset.name, *options])


def _changes(dataset: Dataset) -> None:
    """Draw what a rescan would change."""
    with errors.shown():
        found = previews.changes(dataset)
        counts = {
            "new": len(found.new),
            "changed": len(found.again),
            "missing": len(found.missing),
        }
        if found.relabeled:
            counts["relabeled by annotations"] = len(found.relabeled)
        st.caption(" · ".join(f"{count:,} {what}" for what, count in counts.items()))
        for name, (use, count) in found.folders.items():
            st.info(f"New folder {plain(name)}: {counted(count, 'image')} → {USES[use]}")


def _split(dataset: Dataset) -> None:
    st.markdown("Assigns every image to a new split. Trained models become stale.")
    config = split_fields("datasets-resplit")
    if config and st.button("Split", key="datasets-resplit-go", type="primary"):
        resplit(resources.workspace(), dataset.name, config)
        session.queue_toast("Dataset split")
        _close()
        st.rerun()


def _folders(dataset: Dataset) -> None:
    for number, root in enumerate(dataset.roots):
        there = root.is_there
        st.markdown(f"Folder {number + 1}" if there else f":red[Folder {number + 1} is missing]")
        st.code(root.shown, language=None, wrap_lines=True)
        if root.path.is_relative_to(dataset.folder):
            continue
        folder = st.text_input(
            "New location", key=f"datasets-relink-{number}", placeholder="/new/path"
        ).strip()
        if st.button("Relink", key=f"datasets-relink-go-{number}", disabled=not folder):
            with errors.shown():
                check_source(folder)
                launch(RELINK, [folder, "--dataset", dataset.name, "--root", str(number)])


def _delete(dataset: Dataset, dependents: list[Manifest]) -> None:
    busy = [v for v in resources.jobs().active() if dataset.name in v.record.arguments]
    if busy:
        st.warning(f"{plain(busy[0].record.title)} is running. Stop it first.")
        return
    own = any(root.path.is_relative_to(dataset.folder) for root in dataset.roots)
    st.markdown(
        f"Deletes **{plain(dataset.name)}**: its catalog, tags and thumbnails"
        + (", and the uploaded images." if own else ". Your image files are kept.")
    )
    keep = True
    if dependents:
        keep = st.toggle("Keep models and indexes", key="datasets-delete-keep")
        st.markdown("Unusable without the dataset:" if keep else "Also deleted:")
        names = [f"- {artifact.kind} {plain(artifact.id)}" for artifact in dependents[:MAX_NAMED]]
        more = len(dependents) - MAX_NAMED
        st.markdown("\n".join(names + ([f"- and {more} more"] if more > 0 else [])))
    if st.button("Delete", key="datasets-delete", type="primary"):
        if keep:
            delete_dataset(resources.workspace(), dataset.name)
        elif left := delete_with_dependents(resources.workspace(), dataset.name, delete_index):
            session.queue_toast(" ".join(left))
        _close()
        session.selection().dataset = None
        session.set_view(View())
        st.rerun()
