"""Form of a backbone without training: pre-trained features, projected by a PCA."""

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
FROM_PRETRAINED, FROM_FILE = "Pre-trained", "A weights file"
POOLINGS = {
    Pooling.GEM: "generalized mean",
    Pooling.AVERAGE: "average",
    Pooling.MAX: "greatest value",
    Pooling.OWN: "the backbone's own",
}


def show(dataset: str, *, expanded: bool = False) -> None:
    """Draw the form that makes a model of a pre-trained backbone without training."""
    with st.expander(
        "A model without training",
        icon=":material/bolt:",
        expanded=expanded,
        key="indexes-backbone",
    ):
        st.markdown(
            "A pre-trained trunk knows how to look at photographs already. What it sees is "
            "projected to a short embedding by a PCA of your train images: seconds to minutes in "
            "place of a training. It predicts no classes."
        )
        weights, settings = _weights(), _settings()
        if not weights:
            st.caption("Give the path of a weights file to go on.")
            return
        config = config_fields.build(
            BackboneModelConfig, dataset=dataset, weights=weights, **settings
        )
        if config is None:
            return
        _say_download(config)
        if st.button("Make it", key="indexes-backbone-go", icon=":material/play_arrow:"):
            launch(FIT_PCA, as_arguments(config))


def _weights() -> str:
    start = st.segmented_control(
        "Weights",
        [FROM_PRETRAINED, FROM_FILE],
        default=FROM_PRETRAINED,
        required=True,
        key="indexes-backbone-weights",
    )
    if start == FROM_PRETRAINED:
        return PRETRAINED
    path = st.text_input(
        "Weights file (.pth or .safetensors in torchvision's layout)",
        key="indexes-backbone-file",
        placeholder="/path/to/vgg16.pth",
    ).strip()
    return os.path.abspath(os.path.expanduser(path)) if path else ""


def _settings() -> dict[str, Any]:
    grid = st.grid(4, min_column_width=170)
    number = partial(config_fields.number, BackboneModelConfig, place=grid)
    return {
        "backbone": backbone_choice.draw(
            grid, default_of(BackboneModelConfig, "backbone"), "indexes-backbone-backbone"
        ).name,
        "pooling": grid.selectbox(
            "Pooling",
            list(POOLINGS),
            format_func=POOLINGS.__getitem__,
            key="indexes-backbone-pooling",
            help=DOCS["pooling"],
        ),
        "dimension": number("dimension", "Dimensions", key="indexes-backbone-dimension"),
        "image_size": number("image_size", "Image size", key="indexes-backbone-size"),
        "whiten": st.toggle("Whiten", key="indexes-backbone-whiten", help=DOCS["whiten"]),
    }


def _say_download(config: BackboneModelConfig) -> None:
    if config.weights == PRETRAINED and not has_weights(resources.workspace(), config.backbone):
        backbone = find_backbone(config.backbone)
        if backbone.package:
            package = backbone.package.replace("_", "-")
            st.caption(f"Its weights are in the package {package}, which is not installed.")
            return
        size = f" ({backbone.weights_mb} MB)" if backbone.weights_mb else ""
        st.caption(
            f"Its weights are not on this machine yet and will be downloaded first{size}. "
            "Without network, give a weights file."
        )
