"""Taking models out and bringing them in."""

from pathlib import Path

import streamlit as st

from core.artifacts import Manifest
from core.datasets.uploads import keep_for_job
from core.embedder.model_exports import ModelFormat, exported_file
from core.errors import WorkbenchError
from core.workspace import check_name
from pages.parts import downloads
from pages.parts.launch import IMPORT, launch
from pages.parts.text import plain
from state import resources, session

VERBS = ("export-model", "import-model")
LABELS = {ModelFormat.TORCH: "PyTorch", ModelFormat.ONNX: "ONNX"}
EXPLANATIONS = {
    ModelFormat.TORCH: "A zip with the weights as safetensors and a short script that loads them "
    "with torch and torchvision alone. This app takes its model.safetensors back.",
    ModelFormat.ONNX: "One file for ONNX runtimes; it is held to PyTorch's numbers before you get "
    "it.",
}
MAX_UPLOAD_MB = 2048
UPLOADS = "training-imports"
"""How many models were uploaded in this tab."""


def export_form(model: Manifest) -> None:
    """Offer a model as a file, made when it is asked for."""
    chosen = (
        st.radio(
            "Format",
            list(ModelFormat),
            format_func=LABELS.__getitem__,
            captions=list(EXPLANATIONS.values()),
            key="training-export-format",
        )
        or ModelFormat.TORCH
    )
    path = exported_file(resources.workspace(), model.id, chosen)
    if path is None:
        if st.button("Export", key="training-export-go", type="primary"):
            arguments = ["export-model", "--model", model.id, "--format", str(chosen)]
            launch(arguments, f"Exporting {model.id} for {LABELS[chosen]}", lane=IMPORT)
            st.rerun()
        return
    downloads.offer(path, "training-export-download")


def import_form() -> None:
    """Take in a model that was trained elsewhere."""
    with st.expander("Bring in a model", icon=":material/upload:"):
        st.markdown(
            "The model.safetensors out of an export, or a .pth with a dict of `network`, `classes` "
            "and `weights` like it. Nothing in the file is executed."
        )
        times = session.value_of(UPLOADS) or 0
        file = st.file_uploader(
            "File",
            type=["safetensors", "pth"],
            max_upload_size=MAX_UPLOAD_MB,
            key=f"{UPLOADS}-{times}",  # A new one each time, or the session would keep the bytes
        )
        name = st.text_input("Name", key="training-import-name", placeholder="my-model").strip()
        go = st.button("Bring it in", key="training-import-go", disabled=not (file and name))
        if not go or file is None:
            return
        try:
            check_name(name)
            suffix = Path(file.name).suffix.lower()
            path = keep_for_job(resources.workspace(), file.name, file, suffix)
        except WorkbenchError as error:
            st.error(plain(str(error)))
            return
        session.remember(UPLOADS, times + 1)
        arguments = ["import-model", str(path), "--remove", "--name", name]
        launch(arguments, f"Bringing in the model {name}", lane=IMPORT)
        st.rerun()
