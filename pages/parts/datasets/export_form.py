"""Export of the shown images, and the earlier exports."""

from datetime import datetime

import streamlit as st

from core.artifacts.folders import delete_artifact
from core.commands.datasets import EXPORT
from core.datasets.export.listing import FILES, Export, Format, list_exports, suffix_of
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
    Format.JSON_LINES: "Hugging Face zip",
    Format.FOLDER: "Folder of copies",
    Format.LINKS: "Folder of links",
    Format.COCO: "COCO",
    Format.YOLO: "YOLO",
}
SENTENCES = {
    Format.CSV: "One row per image. Texts are not escaped for spreadsheets.",
    Format.PARQUET: "One row per image, for pandas, Polars or Hugging Face.",
    Format.ZIP: "Images in split and class folders; can be imported again.",
    Format.JSON_LINES: "Images with metadata.jsonl, for ImageFolder; can be imported again.",
    Format.FOLDER: "The zip of images, unpacked on the server.",
    Format.LINKS: "Symbolic links; they break when the originals move.",
    Format.COCO: "Zip of images with boxes as COCO JSON, a file for each split.",
    Format.YOLO: "Zip of images with boxes as text files, for Ultralytics.",
}
MAX_LISTED = 10


def show(dataset: Dataset, view: View) -> None:
    """Draw the form and the earlier exports."""
    count = facts.count(dataset.catalog, view.images)
    st.markdown(f"**{count:,}** image{' matches' if count == 1 else 's match'} the filters.")
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
    left_out = f", {export.num_left_out:,} skipped" if export.num_left_out else ""
    with st.container(border=True, gap="xsmall"):
        is_offered = downloads.row(
            export,
            f"{made} · {export.num_images:,} images{left_out} · {size(export.size_bytes)}",
            f"{export.id}{suffix_of(export.format)}" if export.format in FILES else None,
            key="datasets-export",
            delete=_delete,
            help="Deletes this export, not the dataset.",
        )
        if not is_offered:
            downloads.place(export.path)


def _delete(workspace: Workspace, export_id: str) -> None:
    delete_artifact(workspace.exports, export_id)
