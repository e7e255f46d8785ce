"""Export of the shown images, and the earlier exports."""

from datetime import datetime

import streamlit as st

from core.artifacts.folders import delete_artifact
from core.commands.datasets import EXPORT
from core.datasets.export.listing import FILES, Export, Format, list_exports
from core.datasets.filters import filter_as_arguments
from core.datasets.registry import Dataset
from core.workspace import Workspace
from pages.parts.components import downloads
from pages.parts.components.launch import launch
from pages.parts.components.text import size
from state import facts, resources
from state.view import View

NAMES = {
    Format.CSV: "CSV table",
    Format.PARQUET: "Parquet table",
    Format.ZIP: "Zip of images",
    Format.FOLDER: "Folder of copies",
    Format.LINKS: "Folder of links",
}
SENTENCES = {
    Format.CSV: "A row for each image: file, class, split, tags, size. Texts stay as they are, "
    "also those that a spreadsheet takes for formulas.",
    Format.PARQUET: "The same with types and lists, for pandas, Polars or Hugging Face.",
    Format.ZIP: "Folders for split and class, with tables. The app takes it back as “A zip”.",
    Format.FOLDER: "The same, unpacked, on the machine that runs the app.",
    Format.LINKS: "Symbolic links in place of copies. They take no room, but break when the "
    "originals move.",
}
MAX_LISTED = 10


def show(dataset: Dataset, view: View) -> None:
    """Draw the form and the earlier exports."""
    count = facts.count(dataset.catalog, view.images)
    st.markdown(
        f"The view holds **{count:,}** image{'' if count == 1 else 's'}. "
        "Narrow it by the filters below to export fewer."
    )
    form = st.radio(
        "Format",
        list(Format),
        format_func=NAMES.__getitem__,
        captions=list(SENTENCES.values()),
        key="datasets-export-format",
    )
    if st.button("Export", key="datasets-export-go", type="primary", disabled=not count):
        options = [*filter_as_arguments(view.images), f"--sort={view.order}"]
        launch(EXPORT, ["--dataset", dataset.name, "--format", str(form), *options])
    exports = list_exports(resources.workspace(), dataset.name)
    for export in exports[:MAX_LISTED]:
        _earlier(export)
    downloads.older(len(exports) - MAX_LISTED, resources.workspace().exports)


def _earlier(export: Export) -> None:
    made = datetime.fromisoformat(export.created).strftime("%Y-%m-%d %H:%M UTC")
    left_out = f", {export.num_left_out:,} left out" if export.num_left_out else ""
    with st.container(border=True, gap="xsmall"):
        is_offered = downloads.row(
            export,
            f"{made} · {export.num_images:,} images{left_out} · {size(export.size_bytes)}",
            f"{export.id}.{export.format}" if export.format in FILES else None,
            key="datasets-export",
            delete=_delete,
            help="Deletes this export. The dataset and its images stay.",
        )
        if not is_offered:
            downloads.place(export.path)


def _delete(workspace: Workspace, export_id: str) -> None:
    delete_artifact(workspace.exports, export_id)
