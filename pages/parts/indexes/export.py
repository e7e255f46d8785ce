"""Taking an index out as a file, and bringing one in with all that it needs."""

import streamlit as st

from core.artifacts.exports import exported_file
from core.artifacts.manifests import Manifest
from core.indexes.export_format import ExportFormat, file_name
from core.indexes.milvus.collection import is_on_milvus
from pages.parts.components import downloads, upload_form
from pages.parts.components.launch import IMPORT, launch
from state import resources

VERBS = ("export-index", "open-bundle")
LABELS = {
    ExportFormat.BUNDLE: "Bundle for another machine",
    ExportFormat.INDEX: "Index for FAISS",
    ExportFormat.NPY: "Embeddings as NumPy arrays",
    ExportFormat.PARQUET: "Embeddings as a Parquet table",
}
FILES_OF_FAISS = (ExportFormat.BUNDLE, ExportFormat.INDEX)
"""Not to be had of an index that Milvus keeps."""

EXPLANATIONS = {
    ExportFormat.BUNDLE: "Model, embeddings, index and a small picture of each image in one zip, "
    "which this app opens elsewhere.",
    ExportFormat.INDEX: "A zip of the index, the image ids of its rows, and how to open it.",
    ExportFormat.NPY: "A zip of vectors.npy and image_ids.npy.",
    ExportFormat.PARQUET: "A row an image: id, path, class, split, embedding.",
}


def form(index: Manifest) -> None:
    """Offer an index as a file, made when it is asked for."""
    formats = [name for name in LABELS if name not in FILES_OF_FAISS or not is_on_milvus(index)]
    chosen = ExportFormat(
        st.selectbox(
            "What",
            formats,
            format_func=LABELS.__getitem__,
            key="indexes-export-format",
        )
    )
    st.caption(EXPLANATIONS[chosen])
    path = exported_file(resources.workspace(), index, file_name(index, chosen))
    if path is not None:
        downloads.offer(path, "indexes-export-download")
    elif st.button("Export", key="indexes-export-go", type="primary"):
        arguments = ["export-index", "--index", index.id, "--format", str(chosen)]
        launch(arguments, f"Exporting {index.id}: {LABELS[chosen]}", lane=IMPORT)
        st.rerun()


def open_form() -> None:
    """Take in an index that was taken out as a bundle."""
    with st.expander("Open a bundle", icon=":material/upload:", key="indexes-bundle"):
        st.markdown(
            "An index that this app took out as a bundle: its small pictures become a dataset "
            "here, and with its model it answers queries at once."
        )
        upload_form.draw(
            "indexes-bundle-import",
            "open-bundle",
            "Opening a bundle as",
            ["zip"],
            label="Name of the dataset",
            placeholder="my-images",
        )
