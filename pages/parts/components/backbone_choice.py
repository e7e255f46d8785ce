"""Choice of a backbone: one of the list, or any other model of timm by its name."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.models.backbone import Backbone
from core.models.backbones import BACKBONES, find_backbone
from pages.parts.components.text import plain

HELP = "\n".join(
    [
        *(
            f"- {backbone.label}: {backbone.explanation} {backbone.weights_mb} MB, "
            f"{backbone.gmacs:g} GMACs."
            for backbone in BACKBONES.values()
        ),
        "\nOr enter the name of a timm model.",
    ]
)


def draw(place: DeltaGenerator, default: str, key: str) -> Backbone:
    """Draw the choice, and return the backbone; the default if timm has none of that name."""
    names = list(BACKBONES) if default in BACKBONES else [default, *BACKBONES]
    name = place.selectbox(
        "Backbone",
        names,
        index=names.index(default),
        format_func=lambda name: BACKBONES[name].label if name in BACKBONES else name,
        accept_new_options=True,
        key=key,
        help=HELP,
    )
    try:
        return find_backbone(name)
    except ValueError:
        st.error(f"timm has no model “{plain(name)}” with a feature map. Choose another one.")
        return find_backbone(default)
