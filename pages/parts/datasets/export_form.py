"""Export of the shown images, and the earlier exports."""

from contextlib import suppress
from datetime import datetime

import streamlit as st

from core.commands.datasets import EXPORT
from core.datasets.export.listing import FILES, Export, Format, delete_export, list_exports
from core.datasets.filters import as_arguments
from core.datasets.registry import Dataset
from core.errors import MissingError
from pages.parts.components import downloads
from pages.parts.components.launch import launch
from pages.parts.components.text import plain, size
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
        options = as_arguments(view.images, view.order)
        launch(EXPORT, ["--dataset", dataset.name, "--format", str(form), *options])
        st.rerun()
    exports = list_exports(resources.workspace(), dataset.name)
    for export in exports[:MAX_LISTED]:
        _earlier(export)
    if len(exports) > MAX_LISTED:
        st.caption(f"{len(exports) - MAX_LISTED:,} older ones are in")
        st.code(str(resources.workspace().exports), language=None, wrap_lines=True)


def _earlier(export: Export) -> None:
    to_download = export.format in FILES and export.size_bytes <= downloads.MAX_DOWNLOADED_BYTES
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(gap=None):
                st.markdown(f"**{plain(export.id)}**")
                st.caption(_describe(export))
            if to_download:
                downloads.button(
                    "Download",
                    export.path.read_bytes,
                    f"{export.id}.{export.format}",
                    key=f"datasets-export-download-{export.id}",
                )
            st.button(
                "Delete",
                key=f"datasets-export-delete-{export.id}",
                icon=":material/delete:",
                help="Deletes this export. The dataset and its images stay.",
                on_click=_delete,
                args=(export.id,),
            )
        if not to_download:
            downloads.place(export.path)


def _describe(export: Export) -> str:
    made = datetime.fromisoformat(export.created).strftime("%Y-%m-%d %H:%M UTC")
    left_out = f", {export.num_left_out:,} left out" if export.num_left_out else ""
    return f"{made} · {export.num_images:,} images{left_out} · {size(export.size_bytes)}"


def _delete(export_id: str) -> None:
    with suppress(MissingError):  # Deleted meanwhile
        delete_export(resources.workspace(), export_id)
