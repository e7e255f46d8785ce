"""The form that starts a training."""

import os
from typing import Any

import streamlit as st

from core.config_docs import field_docs
from core.embedder.backbones import BACKBONES
from core.embedder.pretrained import has_imagenet
from core.options import as_arguments
from core.training.config import IMAGENET, NO_WEIGHTS, SCRATCH, TrainConfig
from pages.parts.launch import launch
from pages.parts.text import plain
from state import resources

FROM_IMAGENET, FROM_FILE, FROM_SCRATCH = "ImageNet", "A weights file", "From scratch"
CLASSIC: dict[str, Any] = {"weights": IMAGENET}
DOCS = field_docs(TrainConfig)


def show(dataset: str, *, is_drawn: bool) -> None:
    """Draw the form; its button launches the training of a model on `dataset`."""
    start = _start_weights(is_drawn=is_drawn)
    recipe = SCRATCH if start == FROM_SCRATCH else CLASSIC
    settings = {"dataset": dataset, **recipe}
    if start == FROM_FILE:
        settings["weights"] = _weights_file()
    with st.expander(
        "Settings", key="training-settings", icon=":material/tune:", on_change="rerun"
    ):
        settings |= _fields(start, TrainConfig(**settings))
    try:
        config = TrainConfig(**settings)
    except ValueError as error:
        st.error(f"{plain(str(error))}.")
        return
    st.caption(_summary(config))
    missing_file = start == FROM_FILE and not config.weights
    if st.button(
        "Start training",
        key="training-start",
        type="primary",
        icon=":material/play_arrow:",
        disabled=missing_file,
    ):
        arguments = ["train", *as_arguments(config, defaults_too=True)]
        title = f"Training {config.backbone} on {dataset}, {config.epochs} epochs"
        launch(arguments, title, about=dataset)
        st.rerun()


def _start_weights(*, is_drawn: bool) -> str:
    have = has_imagenet(resources.workspace(), "vgg16")
    start = st.segmented_control(
        "What does the network know at the start?",
        [FROM_IMAGENET, FROM_FILE, FROM_SCRATCH],
        default=FROM_SCRATCH if is_drawn and not have else FROM_IMAGENET,
        required=True,
        key=f"training-weights-{is_drawn}",
    )
    if start == FROM_IMAGENET:
        place = "They are on this machine." if have else "They are downloaded first (528 MB)."
        st.markdown(
            "The classic recipe: VGG-16 with ImageNet's weights, all frozen but its last block, "
            f"10 epochs. {place}"
        )
        if not have:
            st.caption("No network here? Give a weights file, or train from scratch.")
    elif start == FROM_SCRATCH:
        st.markdown(
            "No weights needed: a VGG-16 with batch norm learns everything from your images, at a "
            "small size so that it takes minutes. Best for the drawn set and for a first look."
        )
    return str(start)


def _weights_file() -> str:
    """Ask for a path; whole, so that a file named like one of the other choices is that file."""
    path = st.text_input(
        "Weights file (.pth or .safetensors in torchvision's layout)",
        key="training-file",
        placeholder="/path/to/vgg16.pth",
    ).strip()
    return os.path.abspath(os.path.expanduser(path)) if path else ""


def _fields(start: str, default: TrainConfig) -> dict[str, Any]:
    """Draw the settings and return those that a user may change."""
    grid = st.grid(4, min_column_width=160)
    key = f"training-{start}"
    backbones = list(BACKBONES)
    values: dict[str, Any] = {
        "backbone": grid.selectbox(
            "Backbone",
            backbones,
            index=backbones.index(default.backbone),
            key=f"{key}-backbone",
            help=DOCS["backbone"],
        ),
        "epochs": grid.number_input(
            "Epochs", 1, 1000, default.epochs, key=f"{key}-epochs", help=DOCS["epochs"]
        ),
        "image_size": grid.number_input(
            "Image size, pixels",
            32,
            512,
            default.image_size,
            step=16,
            key=f"{key}-size",
            help=DOCS["image_size"],
        ),
        "batch_size": grid.number_input(
            "Batch size", 2, 1024, default.batch_size, key=f"{key}-batch", help=DOCS["batch_size"]
        ),
        "learning_rate": grid.number_input(
            "Learning rate",
            1e-7,
            1.0,
            default.learning_rate,
            format="%g",
            key=f"{key}-rate",
            help=DOCS["learning_rate"],
        ),
        "dimension": grid.number_input(
            "Embedding length", 8, 4096, default.dimension, key=f"{key}-dim", help=DOCS["dimension"]
        ),
        "seed": grid.number_input(
            "Seed", 0, 2**31, default.seed, key=f"{key}-seed", help=DOCS["seed"]
        ),
    }
    if start == FROM_SCRATCH:
        values["trunk_learning_rate"] = values["learning_rate"]
    else:
        values["trainable_blocks"] = grid.number_input(
            "Blocks that train",
            0,
            4,
            default.trainable_blocks,
            key=f"{key}-blocks",
            help=DOCS["trainable_blocks"],
        )
    return values


def _summary(config: TrainConfig) -> str:
    frozen = f"{config.num_frozen_blocks} of 5 blocks frozen"
    begin = "from scratch" if config.weights == NO_WEIGHTS else frozen
    return (
        f"{config.backbone} · {begin} · {config.epochs} epochs · {config.image_size} px · "
        f"batch {config.batch_size} · {config.dimension}-d embeddings"
    )
