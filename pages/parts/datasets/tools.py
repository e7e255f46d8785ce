"""Actions on a dataset: add images, rescan, split, export, relink, delete."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.datasets import ADD, RELINK, RESCAN
from core.datasets.importing.scan import resplit
from core.datasets.importing.uploads import MAX_IMAGE_BYTES, keep_uploads
from core.datasets.registry import Dataset, delete_dataset
from core.indexes.deletion import delete_index
from core.lineage.graph import Lineage, delete_with_dependents
from pages.parts.components import errors
from pages.parts.components.launch import launch, queue
from pages.parts.components.text import plain
from pages.parts.datasets import export_form, import_form
from state import facts, resources, session
from state.view import View

MAX_NAMED = 12
"""Most dependents that are listed by name."""


def show(dataset: Dataset, view: View, lineage: Lineage) -> None:
    """Draw a popover for each action."""
    with st.popover("Add", icon=":material/add_photo_alternate:"):
        _add(dataset)
    with st.popover("Rescan", icon=":material/refresh:"):
        _scan(dataset)
    with st.popover("Split", icon=":material/call_split:"):
        _split(dataset)
    with st.popover("Export", icon=":material/download:"):
        export_form.show(dataset, view)
    with st.popover("Folders", icon=":material/folder_open:"):
        _folders(dataset)
    with st.popover("Delete", icon=":material/delete:"):
        _delete(dataset, lineage.dependents_of(dataset.name))


def _add(dataset: Dataset) -> None:
    files = st.file_uploader(
        "Images",
        accept_multiple_files=True,
        max_upload_size=MAX_IMAGE_BYTES // 1_000_000,
        key="datasets-add-files",
    )
    label = st.selectbox(
        "Their class",
        facts.labels(dataset.catalog),
        index=None,
        accept_new_options=True,
        placeholder="None, or choose or write one",
        key="datasets-add-label",
    )
    if st.button("Add them", key="datasets-add-go", type="primary", disabled=not files):
        _keep(dataset, [(file.name, file.getvalue()) for file in files], label or "")
    st.divider()
    folder = st.text_input(
        "Or a folder on the machine that runs the app",
        key="datasets-add-folder",
        placeholder="/path/to/more/images",
    ).strip()
    if st.button("Add the folder", key="datasets-add-folder-go", disabled=not folder):
        launch(ADD, [folder, "--dataset", dataset.name])


def _keep(dataset: Dataset, files: list[tuple[str, bytes]], label: str) -> None:
    with errors.shown():
        num_kept, refused = keep_uploads(dataset, files, label)
        for sentence in refused:
            st.error(plain(sentence))
        if num_kept:
            st.success(f"{num_kept} kept. They appear once the dataset has been scanned again.")
            queue(RESCAN, ["--dataset", dataset.name])


def _scan(dataset: Dataset) -> None:
    st.markdown("Finds new, changed, moved and vanished files. Tags, classes and splits stay.")
    verify = st.checkbox(
        "Verify all",
        key="datasets-verify",
        help="Reads every file again; else only those whose size or time has changed.",
    )
    if st.button("Scan", key="datasets-rescan", type="primary"):
        options = ["--verify-all"] if verify else []
        launch(RESCAN, ["--dataset", dataset.name, *options])


def _split(dataset: Dataset) -> None:
    st.markdown("Models trained before become stale. Undo takes it back.")
    config = import_form.split_fields("datasets-resplit")
    if config and st.button("Split", key="datasets-resplit-go", type="primary"):
        resplit(resources.workspace(), dataset.name, config)
        st.rerun()


def _folders(dataset: Dataset) -> None:
    st.markdown("Where the images are. If a folder has moved, say where it is now.")
    for number, root in enumerate(dataset.roots):
        there = root.path.is_dir()
        st.caption("There" if there else ":red[Not there]")
        st.code(str(root.path), language=None, wrap_lines=True)
        if root.path.is_relative_to(dataset.folder):
            continue
        folder = st.text_input(
            "It is now at", key=f"datasets-relink-{number}", placeholder="/new/path"
        ).strip()
        if st.button("Relink", key=f"datasets-relink-go-{number}", disabled=not folder):
            launch(RELINK, [folder, "--dataset", dataset.name, "--root", str(number)])


def _delete(dataset: Dataset, dependents: list[Manifest]) -> None:
    busy = [v for v in resources.jobs().active() if dataset.name in v.record.arguments]
    if busy:
        st.warning(f"{plain(busy[0].record.title)} is under way. Stop that first.")
        return
    own = any(root.path.is_relative_to(dataset.folder) for root in dataset.roots)
    st.markdown(
        f"Deletes **{plain(dataset.name)}**: its catalog, tags and thumbnails"
        + (
            ", and the images that are kept inside it."
            if own
            else ". Your image files stay where they are."
        )
    )
    keep = True
    if dependents:
        keep = st.toggle("Keep what was made from it", key="datasets-delete-keep")
        st.markdown("Of no use without it:" if keep else "Deleted with it:")
        names = [f"- {artifact.kind} {plain(artifact.id)}" for artifact in dependents[:MAX_NAMED]]
        more = len(dependents) - MAX_NAMED
        st.markdown("\n".join(names + ([f"- and {more} more"] if more > 0 else [])))
    if st.button("Delete for good", key="datasets-delete", type="primary"):
        if keep:
            delete_dataset(resources.workspace(), dataset.name)
        elif left := delete_with_dependents(resources.workspace(), dataset.name, delete_index):
            session.queue_toast(" ".join(left))
        session.selection().dataset = None
        session.set_view(View())
        st.rerun()
