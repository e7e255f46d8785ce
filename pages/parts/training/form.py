"""The form that starts a training."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from core.commands.training import TRAIN
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.models.backbones import find_backbone
from core.models.pretrained import NO_WEIGHTS, PRETRAINED, has_weights
from core.options import as_arguments
from core.training.config import TrainConfig
from core.training.presets import CLASSIC, INSTANT, PRESETS, SCRATCH_QUICK, STARTER
from core.training.runs import Run, read_run, reserve_run
from pages.parts.components import config_fields
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.training import fields, launcher, requirements
from state import resources, session

FROM_PRETRAINED, FROM_FILE = "Pre-trained", "Weights file"
PRESET, AGAIN = "training-preset", "training-again"
"""Session keys of the chosen preset and of the run to repeat; the second is also the name of the
preset with that run's settings."""

MORE = "training-presets-more"

FIRST = (INSTANT, STARTER, CLASSIC)
"""Presets that are always shown; the others are in a menu until one is chosen."""

PREVIEW_SEED = "training-preview-seed"


def show(dataset: Dataset) -> Callable[[], None]:
    """Draw the form; its button launches the training of a model on `dataset`.

    Returns:
        Draws the training's requirements; to be called after the rest of the page, as importing
        torch takes seconds the first time.
    """
    preset, default = _preset(dataset)
    key = f"training-{preset}"
    settings: dict[str, Any] = {"dataset": dataset.name} | fields.main_fields(key, default)
    with st.expander(
        "Advanced", key="training-settings", icon=":material/tune:", on_change="rerun"
    ):
        settings["weights"] = (
            NO_WEIGHTS if default.weights == NO_WEIGHTS else _weights(key, default)
        )
        settings |= fields.advanced_fields(key, default, settings, partial(_preview, dataset))
    config = config_fields.build(TrainConfig, **settings)
    if config is None:
        return nothing
    if not config.weights:
        st.caption("Enter the path of a weights file.")
        return nothing
    st.caption(_summary(config))
    where = launcher.options()
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Start training", key="training-start", type="primary", icon=":material/play_arrow:"
        ):
            run_id = reserve_run(resources.workspace(), config)
            launch(TRAIN, [*as_arguments(config, defaults_too=True), "--run-id", run_id, *where])
        if not where:
            requirements.show_time(dataset, config)
    room = st.container()
    return lambda: requirements.show_room(room, dataset, config)


def nothing() -> None:
    """Draw no requirements, as there is nothing to start."""


def repeat_run(run_id: str) -> None:
    """Fill the form with the settings of a run; callback of a button."""
    session.remember(AGAIN, run_id)
    session.set_widget(PRESET, AGAIN)


def _preset(dataset: Dataset) -> tuple[str, TrainConfig]:
    """Draw the choice of a preset or of a run to repeat; return its name and settings."""
    labels = {name: preset.label for name, preset in PRESETS.items()}
    run = _repeated_run()
    if run is not None:
        labels[AGAIN] = plain(run.title or run.id)
    default = _default_preset()
    before = session.value_of(PRESET) or default
    shown = [name for name in labels if name in (*FIRST, AGAIN, default, before)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="presets"):
        chosen = str(
            st.pills(
                "Preset",
                shown,
                default=default,
                required=True,
                format_func=labels.__getitem__,
                key=PRESET,
                width="content",
            )
        )
        st.menu_button(
            "More",
            [name for name in labels if name not in shown],
            format_func=labels.__getitem__,
            key=MORE,
            type="tertiary",
            on_click=_choose_from_menu,
        )
    if run is not None and chosen == AGAIN:
        st.caption(f"Settings of the run {plain(run.title or run.id)}.")
        return run.id, TrainConfig(**run.config | {"dataset": dataset.name})
    preset = PRESETS[chosen]
    st.caption(preset.explanation)
    return chosen, TrainConfig(dataset=dataset.name, **preset.settings)


def _choose_from_menu() -> None:
    session.set_widget(PRESET, session.value_of(MORE))


def _default_preset() -> str:
    """Return the first preset that needs no download."""
    for name in (INSTANT, CLASSIC):
        backbone = TrainConfig(dataset="any", **PRESETS[name].settings).backbone
        if has_weights(resources.workspace(), backbone):
            return name
    return SCRATCH_QUICK


def _repeated_run() -> Run | None:
    """Return the run to repeat; None if there is none or it was deleted."""
    run_id = session.value_of(AGAIN)
    if not run_id:
        return None
    try:
        return read_run(resources.workspace(), run_id)
    except WorkbenchError:
        session.remember(AGAIN, None)
        session.set_widget(PRESET, _default_preset())
        return None


def _weights(key: str, default: TrainConfig) -> str:
    """Draw the choice of initial weights."""
    file = "" if default.weights in (PRETRAINED, NO_WEIGHTS) else default.weights
    start = st.segmented_control(
        "Initial weights",
        [FROM_PRETRAINED, FROM_FILE],
        default=FROM_FILE if file else FROM_PRETRAINED,
        required=True,
        key=f"{key}-weights",
    )
    if start == FROM_PRETRAINED:
        return PRETRAINED
    path = st.text_input(
        "Weights file",
        value=file,
        key=f"{key}-file",
        placeholder="/path/to/vgg16.pth",
        help="A state dict or a checkpoint of this backbone, with the layer names of torchvision, "
        "timm or this app.",
    ).strip()
    # Absolute, so that a file named “none” or “imagenet” is a file
    return os.path.abspath(os.path.expanduser(path)) if path else ""


def _summary(config: TrainConfig) -> str:
    backbone = find_backbone(config.backbone)
    parts = [
        "from scratch"
        if config.weights == NO_WEIGHTS
        else f"{config.num_frozen_blocks} of {backbone.num_blocks} blocks frozen",
        f"batch {config.batch_size}",
        f"{config.dimension}-d embeddings",
    ]
    if config.weights == PRETRAINED and not has_weights(resources.workspace(), config.backbone):
        if backbone.package:
            parts.append(f"needs the package {backbone.package.replace('_', '-')}")
        else:
            size = f"{backbone.weights_mb} MB " if backbone.weights_mb else ""
            parts.append(f":material/download: {size}download")
    return " · ".join(parts)


def _preview(dataset: Dataset, augment: str, side: int) -> None:
    """Draw 16 augmented train images."""
    if augment == "off":
        st.caption("No augmentation.")
        return
    if not st.toggle("Preview", key="training-preview", help="Shows 16 augmented images."):
        return
    seed = int(session.value_of(PREVIEW_SEED) or 0)
    sources = resources.augmented_images(dataset, augment, side, seed)
    gallery(
        [Tile(id=number, src=source) for number, source in enumerate(sources)],
        key="training-preview-images",
        tile_px=64,
        label="Augmented train images",
    )
    st.button(
        "Shuffle",
        key="training-preview-others",
        icon=":material/casino:",
        on_click=session.remember,
        args=(PREVIEW_SEED, seed + 1),
    )
