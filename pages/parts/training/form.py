"""The form that starts a training."""

import os
from collections.abc import Callable
from typing import Any

import streamlit as st

from core.commands.training import TRAIN
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.models.backbones import BACKBONES
from core.models.pretrained import IMAGENET, NO_WEIGHTS, has_imagenet
from core.options import as_arguments
from core.training.config import TrainConfig
from core.training.presets import CLASSIC, PRESETS, SCRATCH_QUICK
from core.training.runs import Run, read_run, reserve_run
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.training import fields, preview, requirements
from state import resources, session

FROM_IMAGENET, FROM_FILE = "ImageNet", "A weights file"
RECIPE, AGAIN = "training-recipe", "training-again"
"""What the chosen recipe and the run that is to be repeated are remembered under; the second is
that recipe's name, too."""


def show(dataset: Dataset) -> Callable[[], None]:
    """Draw the form; its button launches the training of a model on `dataset`.

    Returns:
        What is to be called once the rest of the page is drawn: it says what the training needs,
        and the first time that takes the seconds of importing torch.
    """
    recipe, default = _recipe(dataset)
    key = f"training-{recipe}"
    settings: dict[str, Any] = {"dataset": dataset.name}
    settings["weights"] = NO_WEIGHTS if default.weights == NO_WEIGHTS else _weights(key, default)
    with st.expander(
        "Settings", key="training-settings", icon=":material/tune:", on_change="rerun"
    ):
        settings |= fields.all_fields(key, default, preview.for_dataset(dataset))
    try:
        config = TrainConfig(**settings)
    except ValueError as error:
        st.error(f"{plain(str(error))}.")
        return nothing
    if not config.weights:
        st.caption("Give the path of a weights file to go on.")
        return nothing
    st.caption(_summary(config))
    room = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Start training", key="training-start", type="primary", icon=":material/play_arrow:"
        ):
            start(config)
            st.rerun()
        requirements.show_time(dataset, config)
    return lambda: requirements.show_room(room, dataset, config)


def nothing() -> None:
    """Say nothing: there is nothing to start."""


def start(config: TrainConfig) -> None:
    """Queue the training."""
    run_id = reserve_run(resources.workspace(), config)
    launch(TRAIN, [*as_arguments(config, defaults_too=True), "--run-id", run_id])


def take_again(run_id: str) -> None:
    """Fill the form with the settings of a run; a button's callback."""
    session.remember(AGAIN, run_id)
    session.set_widget(RECIPE, AGAIN)


def _recipe(dataset: Dataset) -> tuple[str, TrainConfig]:
    """Ask for a preset, or for the settings of the run that is to be repeated."""
    labels = {name: preset.label for name, preset in PRESETS.items()}
    run = _repeated()
    if run is not None:
        labels[AGAIN] = f"As {run.title or run.id}"
    quick = dataset.source == "drawn" and not has_imagenet(resources.workspace(), "vgg16")
    chosen = str(
        st.segmented_control(
            "Recipe",
            list(labels),
            default=SCRATCH_QUICK if quick else CLASSIC,
            required=True,
            format_func=lambda name: labels[name],
            key=RECIPE,
        )
    )
    if run is not None and chosen == AGAIN:
        st.markdown(f"The settings of **{plain(run.title or run.id)}**; change what you like.")
        return run.id, TrainConfig(**run.config | {"dataset": dataset.name})
    preset = PRESETS[chosen]
    st.markdown(preset.explanation)
    return chosen, TrainConfig(dataset=dataset.name, **preset.settings)


def _repeated() -> Run | None:
    """Return the run whose settings are taken again; a deleted one is forgotten."""
    run_id = session.value_of(AGAIN)
    if not run_id:
        return None
    try:
        return read_run(resources.workspace(), run_id)
    except WorkbenchError:
        session.remember(AGAIN, None)
        session.set_widget(RECIPE, CLASSIC)
        return None


def _weights(key: str, default: TrainConfig) -> str:
    """Ask what the network knows at the start."""
    file = "" if default.weights in (IMAGENET, NO_WEIGHTS) else default.weights
    start = st.segmented_control(
        "What does the network know at the start?",
        [FROM_IMAGENET, FROM_FILE],
        default=FROM_FILE if file else FROM_IMAGENET,
        required=True,
        key=f"{key}-weights",
    )
    if start == FROM_IMAGENET:
        return IMAGENET
    path = st.text_input(
        "Weights file (.pth or .safetensors in torchvision's layout, of the backbone below)",
        value=file,
        key=f"{key}-file",
        placeholder="/path/to/vgg16.pth",
    ).strip()
    # Whole, so that a file that is named like another choice is that file
    return os.path.abspath(os.path.expanduser(path)) if path else ""


def _summary(config: TrainConfig) -> str:
    backbone = BACKBONES[config.backbone]
    parts = [
        backbone.label,
        "from scratch"
        if config.weights == NO_WEIGHTS
        else f"{config.num_frozen_blocks} of {backbone.num_blocks} blocks frozen",
        f"{config.epochs} epoch{'s' if config.epochs > 1 else ''}",
        f"{config.image_size} px",
        f"batch {config.batch_size}",
        f"{config.dimension}-d embeddings",
    ]
    if config.weights == IMAGENET:
        if has_imagenet(resources.workspace(), config.backbone):
            parts.append("ImageNet's weights are on this machine")
        else:
            parts.append(
                f"ImageNet's weights are downloaded first ({backbone.weights_mb} MB); without "
                "network choose a weights file or a recipe from scratch"
            )
    return " · ".join(parts)
