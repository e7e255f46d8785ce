"""Form that adds images to a dataset: uploads, or a folder on the server."""

from collections.abc import Callable

import streamlit as st

from core.commands.datasets import ADD, RESCAN
from core.commands.reading_options import as_reading_arguments
from core.datasets.importing.uploads import MAX_IMAGE_BYTES, keep_uploads
from core.datasets.registry import Dataset
from pages.parts.components import errors
from pages.parts.components.launch import launch, queue
from pages.parts.components.text import plain
from pages.parts.datasets import import_preview, import_sources, reading_fields
from state import facts, session

UPLOAD, FOLDER = "Upload", "Folder"


def show(dataset: Dataset, stay_open: Callable[[], None]) -> None:
    """Draw the form.

    Args:
        dataset: Receives the images.
        stay_open: Called if the form has errors to show although it has started a job.
    """
    source = st.segmented_control(
        "Source", (UPLOAD, FOLDER), default=UPLOAD, required=True, key="datasets-add-source"
    )
    if source == UPLOAD:
        _uploads(dataset, stay_open)
    else:
        _folder(dataset)


def _uploads(dataset: Dataset, stay_open: Callable[[], None]) -> None:
    files = st.file_uploader(
        "Images",
        accept_multiple_files=True,
        max_upload_size=MAX_IMAGE_BYTES // 1_000_000,
        key="datasets-add-files",
    )
    label = st.selectbox(
        "Class",
        facts.labels(dataset.catalog),
        index=None,
        accept_new_options=True,
        placeholder="None",
        key="datasets-add-label",
    )
    go = st.button("Add images", key="datasets-add-go", type="primary", disabled=not files)
    uploads = [(file.name, file.getvalue()) for file in files] if go else []
    if go and not _keep(dataset, uploads, label or ""):
        stay_open()


def _folder(dataset: Dataset) -> None:
    """Draw the fields of an import, as the folder is read in the same way."""
    chosen = import_sources.folder("datasets-add-folder")
    reading, read = reading_fields.show(chosen, "datasets-add")
    import_preview.panel(read, None, "datasets-add-preview")
    is_ready = reading_fields.can_import(chosen, read)
    go = st.button(
        "Add folder", key="datasets-add-folder-go", type="primary", disabled=not is_ready
    )
    if go and chosen is not None:
        arguments = [*chosen.keep(), "--dataset", dataset.name, *as_reading_arguments(reading)]
        launch(ADD, arguments)


def _keep(dataset: Dataset, files: list[tuple[str, bytes]], label: str) -> bool:
    """Keep the uploads and start a rescan; return False if some were refused."""
    with errors.shown():
        num_kept, refused = keep_uploads(dataset, files, label)
        for sentence in refused:
            st.error(plain(sentence))
        if num_kept:
            queue(RESCAN, ["--dataset", dataset.name])
            session.queue_toast(f"{num_kept:,} images added")
        if num_kept and not refused:
            st.rerun()
    return False
