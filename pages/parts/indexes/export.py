"""Export of an index as a file, and import of a bundle."""

import streamlit as st

from core.artifacts.exports import exported_file
from core.artifacts.manifests import Manifest
from core.commands.indexes import EXPORT_INDEX, IMPORT_BUNDLE
from core.indexes.info import ExportFormat, file_name, read_info
from pages.parts.components import downloads, upload_form
from pages.parts.components.launch import launch
from state import resources

LABELS = {
    ExportFormat.BUNDLE: "Bundle",
    ExportFormat.INDEX: "FAISS index",
    ExportFormat.NPY: "NumPy arrays",
    ExportFormat.PARQUET: "Parquet table",
}
EXPLANATIONS = {
    ExportFormat.BUNDLE: "A zip of model, embeddings, index and thumbnails, for another machine.",
    ExportFormat.INDEX: "A zip of the FAISS index, a table of its images, and how to open them.",
    ExportFormat.NPY: "A zip of the embeddings, their image ids and a table of the images.",
    ExportFormat.PARQUET: "One row per image: id, path, class, split, embedding.",
}


def form(index: Manifest) -> None:
    """Draw the export of an index: a download, or the button that writes the file first."""
    possible = read_info(index).export_formats
    chosen = ExportFormat(
        st.selectbox(
            "Format",
            [name for name in LABELS if name in possible],
            format_func=LABELS.__getitem__,
            key="indexes-export-format",
        )
    )
    st.caption(EXPLANATIONS[chosen])
    path = exported_file(resources.workspace(), index, file_name(index, chosen))
    if path is not None:
        downloads.offer(path, "indexes-export-download")
    elif st.button("Export", key="indexes-export-go", type="primary"):
        launch(EXPORT_INDEX, ["--index", index.id, "--format", str(chosen)])


def import_form() -> None:
    """Draw the button that opens the import of an index that was exported as a bundle."""
    with st.popover("Import index", icon=":material/upload:", key="indexes-bundle"):
        st.caption("A bundle with its model; its thumbnails become a dataset.")
        upload_form.draw(
            "indexes-bundle-import",
            IMPORT_BUNDLE,
            ["zip"],
            label="Dataset name",
            placeholder="my-images",
        )
