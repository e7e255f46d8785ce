"""Form of a PCA embedding: features of a pre-trained backbone, projected by a PCA."""

import os
from functools import partial
from typing import Any

import streamlit as st

from core.commands.models import FIT_PCA
from core.models.backbone_model_config import BackboneModelConfig
from core.models.backbones import find_backbone
from core.models.pooling import Pooling
from core.models.pretrained import PRETRAINED, has_weights
from core.options import as_arguments, default_of, field_docs
from pages.parts.components import backbone_choice, config_fields
from pages.parts.components.launch import launch
from state import resources

DOCS = field_docs(BackboneModelConfig)
FROM_PRETRAINED, FROM_FILE = "Pre-trained", "Weights file"
POOLINGS = {
    Pooling.GEM: "generalized mean",
    Pooling.AVERAGE: "average",
    Pooling.MAX: "max",
    Pooling.OWN: "backbone's own",
}


def show(dataset: str, *, expanded: bool = False) -> None:
    """Draw the form that makes a model of a pre-trained backbone without training."""
    with st.expander(
        "Pre-trained backbone",
        icon=":material/bolt:",
        expanded=expanded,
        key="indexes-backbone",
    ):
        st.caption("Use a pre-trained backbone with PCA instead of training a model.")
        weights, settings = _weights(), _settings()
        if not weights:
            st.caption("Enter the path of a weights file.")
            return
        config = config_fields.build(
            BackboneModelConfig, dataset=dataset, weights=weights, **settings
        )
        if config is None:
            return
        _say_download(config)
        if st.button("Create model", key="indexes-backbone-go", icon=":material/play_arrow:"):
            launch(FIT_PCA, as_arguments(config))


def _weights() -> str:
    start = st.segmented_control(
        "Initial weights",
        [FROM_PRETRAINED, FROM_FILE],
        default=FROM_PRETRAINED,
        required=True,
        key="indexes-backbone-weights",
    )
    if start == FROM_PRETRAINED:
        return PRETRAINED
    path = st.text_input(
        "Weights file",
        key="indexes-backbone-file",
        placeholder="/path/to/vgg16.pth",
        help="A state dict or a checkpoint of this backbone, with the layer names of torchvision, "
        "timm or this app.",
    ).strip()
    return os.path.abspath(os.path.expanduser(path)) if path else ""


def _settings() -> dict[str, Any]:
    grid = st.grid(2, min_column_width=130)
    number = partial(config_fields.number, BackboneModelConfig, place=grid)
    backbone = backbone_choice.draw(
        grid, default_of(BackboneModelConfig, "backbone"), "indexes-backbone-backbone"
    )
    step = f"-{backbone.size_step}" if backbone.size_step > 1 else ""
    size = backbone.nearest_size(default_of(BackboneModelConfig, "image_size"))
    return {
        "backbone": backbone.name,
        "pooling": grid.selectbox(
            "Pooling",
            list(POOLINGS),
            format_func=POOLINGS.__getitem__,
            key="indexes-backbone-pooling",
            help=DOCS["pooling"],
        ),
        "dimension": number("dimension", "Dimensions", key="indexes-backbone-dimension"),
        "image_size": number(
            "image_size",
            "Image size",
            key=f"indexes-backbone-size{step}",
            value=size,
            step=max(1, backbone.size_step),
        ),
        "whiten": st.toggle("Whiten", key="indexes-backbone-whiten", help=DOCS["whiten"]),
    }


def _say_download(config: BackboneModelConfig) -> None:
    if config.weights == PRETRAINED and not has_weights(resources.workspace(), config.backbone):
        backbone = find_backbone(config.backbone)
        if backbone.package:
            st.caption(f"Needs the package {backbone.package.replace('_', '-')}.")
            return
        size = f"{backbone.weights_mb} MB " if backbone.weights_mb else ""
        st.caption(f":material/download: {size}download")
