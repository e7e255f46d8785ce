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
from core.training.presets import CLASSIC, PRESETS, SCRATCH_QUICK
from core.training.runs import Run, read_run, reserve_run
from pages.parts.components import config_fields
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.training import fields, requirements
from state import resources, session

FROM_PRETRAINED, FROM_FILE = "Pre-trained", "A weights file"
PRESET, AGAIN = "training-preset", "training-again"
"""Session keys of the chosen preset and of the run to repeat; the second is also the name of the
preset with that run's settings."""

PREVIEW_SEED = "training-preview-seed"


def show(dataset: Dataset) -> Callable[[], None]:
    """Draw the form; its button launches the training of a model on `dataset`.

    Returns:
        Draws the training's requirements; to be called after the rest of the page, as importing
        torch takes seconds the first time.
    """
    preset, default = _preset(dataset)
    key = f"training-{preset}"
    settings: dict[str, Any] = {"dataset": dataset.name}
    settings["weights"] = NO_WEIGHTS if default.weights == NO_WEIGHTS else _weights(key, default)
    with st.expander(
        "Settings", key="training-settings", icon=":material/tune:", on_change="rerun"
    ):
        settings |= fields.all_fields(key, default, partial(_preview, dataset))
    config = config_fields.build(TrainConfig, **settings)
    if config is None:
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
            run_id = reserve_run(resources.workspace(), config)
            launch(TRAIN, [*as_arguments(config, defaults_too=True), "--run-id", run_id])
        requirements.show_time(dataset, config)
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
        labels[AGAIN] = f"As {run.title or run.id}"
    quick = dataset.source == "sample" and not has_weights(resources.workspace(), "vgg16")
    chosen = str(
        st.segmented_control(
            "Preset",
            list(labels),
            default=SCRATCH_QUICK if quick else CLASSIC,
            required=True,
            format_func=lambda name: labels[name],
            key=PRESET,
        )
    )
    if run is not None and chosen == AGAIN:
        st.markdown(f"The settings of **{plain(run.title or run.id)}**; change what you like.")
        return run.id, TrainConfig(**run.config | {"dataset": dataset.name})
    preset = PRESETS[chosen]
    st.markdown(preset.explanation)
    return chosen, TrainConfig(dataset=dataset.name, **preset.settings)


def _repeated_run() -> Run | None:
    """Return the run to repeat; None if there is none or it was deleted."""
    run_id = session.value_of(AGAIN)
    if not run_id:
        return None
    try:
        return read_run(resources.workspace(), run_id)
    except WorkbenchError:
        session.remember(AGAIN, None)
        session.set_widget(PRESET, CLASSIC)
        return None


def _weights(key: str, default: TrainConfig) -> str:
    """Draw the choice of initial weights."""
    file = "" if default.weights in (PRETRAINED, NO_WEIGHTS) else default.weights
    start = st.segmented_control(
        "What does the network know at the start?",
        [FROM_PRETRAINED, FROM_FILE],
        default=FROM_FILE if file else FROM_PRETRAINED,
        required=True,
        key=f"{key}-weights",
    )
    if start == FROM_PRETRAINED:
        return PRETRAINED
    path = st.text_input(
        "Weights file (.pth or .safetensors in torchvision's layout, of the backbone below)",
        value=file,
        key=f"{key}-file",
        placeholder="/path/to/vgg16.pth",
    ).strip()
    # Absolute, so that a file named “none” or “imagenet” is a file
    return os.path.abspath(os.path.expanduser(path)) if path else ""


def _summary(config: TrainConfig) -> str:
    backbone = find_backbone(config.backbone)
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
    if config.weights == PRETRAINED:
        if has_weights(resources.workspace(), config.backbone):
            parts.append("pre-trained weights are on this machine")
        elif backbone.package:
            parts.append(f"needs the package {backbone.package.replace('_', '-')}")
        else:
            size = f" ({backbone.weights_mb} MB)" if backbone.weights_mb else ""
            parts.append(
                f"pre-trained weights are downloaded first{size}; without network choose a weights "
                "file, the preset Instant or one from scratch"
            )
    return " · ".join(parts)


def _preview(dataset: Dataset, augment: str, side: int) -> None:
    """Draw 16 augmented train images."""
    if augment == "off":
        st.caption("Every epoch sees the train images as they are.")
        return
    if not st.toggle("Show 16 augmented images", key="training-preview"):
        return
    seed = int(session.value_of(PREVIEW_SEED) or 0)
    sources = resources.augmented_images(dataset, augment, side, seed)
    gallery(
        [Tile(id=number, src=source) for number, source in enumerate(sources)],
        key="training-preview-images",
        tile_px=96,
        label="Augmented train images",
    )
    st.button(
        "Show others",
        key="training-preview-others",
        icon=":material/casino:",
        on_click=session.remember,
        args=(PREVIEW_SEED, seed + 1),
    )
