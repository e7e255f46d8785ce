"""Export and import of models."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.models import EXPORT_MODEL, IMPORT_MODEL
from core.models.exports import ModelFormat, exported_file
from pages.parts.components import downloads, upload_form
from pages.parts.components.launch import launch
from state import resources

VERBS = (EXPORT_MODEL, IMPORT_MODEL)
LABELS = {ModelFormat.TORCH: "PyTorch", ModelFormat.ONNX: "ONNX"}
EXPLANATIONS = {
    ModelFormat.TORCH: "A zip of safetensors weights and a script that loads them with torch and "
    "torchvision.",
    ModelFormat.ONNX: "One file for ONNX runtimes, verified against PyTorch.",
}


def export_form(model: Manifest) -> None:
    """Draw the form that exports a model, and the download of the file."""
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
    if path is not None:
        downloads.offer(path, "training-export-download")
    elif st.button("Export", key="training-export-go", type="primary"):
        launch(EXPORT_MODEL, ["--model", model.id, "--format", str(chosen)])


def import_form() -> None:
    """Draw the form that imports a model."""
    st.caption(
        "The model.safetensors of an export, or a .pth with a dict of `network`, `classes` and "
        "`weights`."
    )
    upload_form.draw(
        "training-import",
        IMPORT_MODEL,
        ["safetensors", "pth"],
        label="Name",
        placeholder="my-model",
    )
