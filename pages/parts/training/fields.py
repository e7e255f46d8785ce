"""Fields of a training's settings: three main ones, the others in four tabs."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core.models.backbone import Backbone
from core.models.backbones import find_backbone
from core.models.pretrained import NO_WEIGHTS
from core.options import bounds_of, field_docs
from core.training.augment_config import PRESETS as AUGMENTATIONS
from core.training.config import Schedule, TrainConfig
from core.training.losses import CROSS_ENTROPY, LOSSES, NO_METRIC_LOSS
from core.training.presets import USUAL_PER_CLASS
from pages.parts.components import backbone_choice

DOCS = field_docs(TrainConfig)
SCHEDULES: dict[str, str] = {Schedule.ONE_CYCLE: "One cycle", Schedule.COSINE: "Cosine"}
MIN_PER_CLASS = 2


class Fields:
    """Draws fields into a grid and collects their values."""

    def __init__(self, key: str, default: TrainConfig) -> None:
        """Start with the values of `default`; widget keys start with `key`."""
        self.key = key
        self.default = default
        self.values: dict[str, Any] = {}
        self.grid = st.grid(2, min_column_width=130)

    def number(
        self,
        name: str,
        label: str,
        bounds: tuple[float, float] | None = None,
        *,
        step: float | None = None,
        default: float | None = None,
    ) -> None:
        """Draw a number input, of integers if the default is one.

        `bounds` and `default` replace those of the field; with varying ones, `key` must vary, too.
        """
        low, high = bounds or bounds_of(TrainConfig, name)
        default = getattr(self.default, name) if default is None else default
        whole = isinstance(default, int)
        self.values[name] = self.grid.number_input(
            label,
            low if whole else float(low),
            high if whole else float(high),
            min(max(default, low), high),
            step=step,
            format="%d" if whole else "%g",
            key=f"{self.key}-{name}",
            help=DOCS[name],
        )

    def choice(
        self, name: str, label: str, options: dict[str, str], explain: str | None = None
    ) -> None:
        """Draw a select box of values, shown by their labels."""
        default = getattr(self.default, name)
        self.values[name] = self.grid.selectbox(
            label,
            list(options),
            index=list(options).index(default),
            format_func=lambda value: options[value],
            key=f"{self.key}-{name}",
            help=explain or DOCS[name],
        )


def main_fields(key: str, default: TrainConfig) -> dict[str, Any]:
    """Draw the fields that matter most, and return their values."""
    backbone = backbone_choice.draw(st.container(), default.backbone, f"{key}-backbone")
    fields = Fields(key, default)
    fields.values["backbone"] = backbone.name
    fields.number("epochs", "Epochs", (1, bounds_of(TrainConfig, "epochs")[1]))
    if backbone.size_step > 1:
        fields.key = f"{key}-{backbone.size_step}"
    size = backbone.nearest_size(default.image_size)
    fields.number("image_size", "Image size", step=max(16, backbone.size_step), default=size)
    return fields.values


def advanced_fields(
    key: str, default: TrainConfig, values: dict[str, Any], preview: Callable[[str, int], None]
) -> dict[str, Any]:
    """Draw every other setting but dataset and weights, and return the values.

    `values` are those of the main fields; `preview` draws augmented images for an augmentation and
    an image size.
    """
    network, optimizer, loss, augmentation = st.tabs(
        ["Network", "Optimizer", "Loss", "Augmentation"]
    )
    with network:
        values = values | _network(key, default, find_backbone(values["backbone"]))
    with optimizer:
        values |= _optimizer(key, default)
    with loss:
        values |= _loss(key, default)
    with augmentation:
        values |= _augmentation(key, default, frozen=_has_frozen_blocks(default, values))
        preview(values["augment"], values["image_size"])
    return values


def _has_frozen_blocks(default: TrainConfig, values: dict[str, Any]) -> bool:
    return bool(
        default.weights != NO_WEIGHTS
        and values["trainable_blocks"] < find_backbone(values["backbone"]).num_blocks
    )


def _network(key: str, default: TrainConfig, backbone: Backbone) -> dict[str, Any]:
    fields = Fields(key, default)
    if default.weights == NO_WEIGHTS:
        fields.values["trainable_blocks"] = backbone.num_blocks
    else:
        fields.key = f"{key}-{backbone.name}"
        fields.number("trainable_blocks", "Trainable blocks", (0, backbone.num_blocks))
        fields.key = key
    fields.number("dimension", "Embedding dimension")
    with fields.grid.cell():
        fields.values["batch_norm"] = st.toggle(
            "Batch norm", default.batch_norm, key=f"{key}-norm", help=DOCS["batch_norm"]
        )
    return fields.values


def _optimizer(key: str, default: TrainConfig) -> dict[str, Any]:
    fields = Fields(key, default)
    fields.number("batch_size", "Batch size")
    fields.choice("schedule", "Schedule", SCHEDULES)
    fields.number("learning_rate", "Head learning rate")
    fields.number("backbone_learning_rate", "Backbone learning rate")
    fields.number("weight_decay", "Weight decay")
    fields.number("label_smoothing", "Label smoothing")
    fields.number("dropout", "Dropout")
    fields.number("max_gradient_norm", "Max. gradient norm")
    fields.number("patience", "Early-stopping patience")
    fields.number("seed", "Seed")
    return fields.values


def _loss(key: str, default: TrainConfig) -> dict[str, Any]:
    fields = Fields(key, default)
    metric = {name: loss for name, loss in LOSSES.items() if name != CROSS_ENTROPY}
    labels = {NO_METRIC_LOSS: "None"} | {name: loss.label for name, loss in metric.items()}
    explained = "\n".join(f"- {loss.label}: {loss.explanation}" for loss in metric.values())
    fields.choice("metric_loss", "Metric loss", labels, explained)
    name = fields.values["metric_loss"]
    if name == NO_METRIC_LOSS:
        st.caption(f"Cross-entropy only. {LOSSES[CROSS_ENTROPY].explanation}")
        return fields.values
    fields.number("metric_loss_weight", "Metric-loss weight")
    low = MIN_PER_CLASS if metric[name].compares_images else 0
    fields.values["samples_per_class"] = fields.grid.number_input(
        "Samples per class",
        low,
        bounds_of(TrainConfig, "samples_per_class")[1],
        default.samples_per_class or (USUAL_PER_CLASS if low else 0),
        key=f"{key}-{name}-per-class",
        help=DOCS["samples_per_class"],
    )
    st.caption(metric[name].explanation)
    return fields.values


def _augmentation(key: str, default: TrainConfig, *, frozen: bool) -> dict[str, Any]:
    fields = Fields(key, default)
    fields.choice("augment", "Augmentation", {name: name.capitalize() for name in AUGMENTATIONS})
    if frozen and fields.values["augment"] != "off":
        fields.number("views", "Cached views")
    return fields.values
