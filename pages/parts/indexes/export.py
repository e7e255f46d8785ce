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
    ExportFormat.BUNDLE: "Bundle for another machine",
    ExportFormat.INDEX: "Index for FAISS",
    ExportFormat.NPY: "Embeddings as NumPy arrays",
    ExportFormat.PARQUET: "Embeddings as a Parquet table",
}
EXPLANATIONS = {
    ExportFormat.BUNDLE: "Model, embeddings, index and a small picture of each image in one zip, "
    "which this app opens elsewhere.",
    ExportFormat.INDEX: "A zip of the index, the image ids of its rows, and how to open it.",
    ExportFormat.NPY: "A zip of vectors.npy and image_ids.npy.",
    ExportFormat.PARQUET: "A row an image: id, path, class, split, embedding.",
}


def form(index: Manifest) -> None:
    """Draw the export of an index: a download, or the button that writes the file first."""
    possible = read_info(index).export_formats
    chosen = ExportFormat(
        st.selectbox(
            "What",
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


def open_form() -> None:
    """Draw the import of an index that was exported as a bundle."""
    with st.expander("Open a bundle", icon=":material/upload:", key="indexes-bundle"):
        st.markdown(
            "An index that this app took out as a bundle: its small pictures become a dataset "
            "here, and with its model it answers queries at once."
        )
        upload_form.draw(
            "indexes-bundle-import",
            IMPORT_BUNDLE,
            ["zip"],
            label="Name of the dataset",
            placeholder="my-images",
        )
