"""Backbones that timm builds: their layers, the names of their weights, and facts of any model."""

import re
import sys
from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn

from core.models import vision  # noqa: F401 - timm imports torchvision, which needs it here
from core.models.backbone import Backbone
from core.models.backbones import IMAGE_SIZES

import timm  # isort: skip

from core.models.timm_layers import build_model, split_layers  # isort: skip


def build_layers(backbone: Backbone, image_size: int) -> list[nn.Module]:
    """Build the backbone's layers with random weights.

    Raises:
        ValueError: The backbone reads no images of this size.
    """
    try:
        return split_layers(build_model(backbone.timm_name, image_size))
    except (AssertionError, RuntimeError) as error:
        raise ValueError(f"{backbone.label} reads no images of {image_size} pixels") from error


def timm_keys(backbone: Backbone, image_size: int) -> dict[str, str]:
    """Return the key of each tensor in the sequence of layers → its key in timm's own model."""
    with torch.device("meta"):
        model = build_model(backbone.timm_name, image_size)
    names = {id(tensor): key for key, tensor in model.state_dict(keep_vars=True).items()}
    layers = nn.Sequential(*split_layers(model)).state_dict(keep_vars=True)
    return {key: names[id(tensor)] for key, tensor in layers.items()}


def whole_model(backbone: Backbone) -> nn.Module:
    """Build timm's own model with its classifier and random weights."""
    model: nn.Module = timm.create_model(backbone.timm_name)
    return model


def adapted(
    weights: Mapping[str, Tensor], backbone: Backbone, image_size: int
) -> dict[str, Tensor]:
    """Return published weights by the model's own keys, fitted to the size of the images.

    timm publishes the weights of some models under other names, and position embeddings for
    another image size; it has a function for each of these models.

    Raises:
        Exception: Whatever that function raises for weights of another model.
    """
    with torch.device("meta"):
        model = build_model(backbone.timm_name, image_size)
    adapt = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    return dict(adapt(dict(weights), model) if adapt else weights)


def is_known(name: str) -> bool:
    """Return whether timm has a model of this name."""
    return bool(re.fullmatch(r"[\w.]+", name)) and timm.is_model(name)


@lru_cache
def describe(name: str) -> Backbone:
    """Return the facts of a model that timm knows.

    Args:
        name: With or without the tag of its weights, as timm lists it.

    Raises:
        ValueError: timm knows no model of this name, or it has no feature map.
    """
    config = timm.get_pretrained_cfg(name) if is_known(name) else None
    if config is None:
        raise ValueError(f"backbone must be one of the list or a model of timm, got “{name[:60]}”")
    side = min(config.input_size[1], IMAGE_SIZES[1])
    with torch.device("meta"):
        model = build_model(name, side).eval()
        layers = split_layers(model)
        try:
            shapes = _shapes(layers, side)
        except (AssertionError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"backbone must give a feature map, and {name} does not") from error
    if len(shapes[-1]) != 4:
        raise ValueError(f"backbone must give a feature map, and {name} does not")
    patch = getattr(getattr(model, "patch_embed", None), "patch_size", (1, 1))
    return Backbone(
        name=name,
        label=name,
        explanation="A model of timm.",
        gmacs=0,
        block_starts=_block_starts(shapes),
        num_layers=len(layers),
        channels=shapes[-1][1],
        timm_name=name,
        hub=config.hf_hub_id or "",
        weights_file="model.safetensors",
        image_size=side,
        size_step=patch[0] if isinstance(patch, tuple) else int(patch),
        mean=tuple(config.mean),
        deviation=tuple(config.std),
        interpolation="bilinear" if config.interpolation == "bilinear" else "bicubic",
    )


def _shapes(layers: list[nn.Module], side: int) -> list[tuple[int, ...]]:
    """Return the shape of each layer's output for one image."""
    values = torch.zeros(1, 3, side, side)
    shapes = []
    for layer in layers:
        values = layer(values)
        shapes.append(tuple(values.shape))
    return shapes


def _block_starts(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Return where blocks start: where the resolution drops, or at each block of a transformer."""
    if len(shapes) > 1 and len(shapes[0]) == 3:  # The first block embeds, the last one makes a map
        return (0, *range(2, len(shapes) - 1))
    sides = [shape[2] for shape in shapes]
    drops = [at for at in range(1, len(sides)) if sides[at] < sides[at - 1]]
    # The stem drops the resolution once or twice before the first stage
    first = next((at for at in range(len(sides)) if at not in drops and at > 0), 1)
    return (0, *(at for at in drops if at > first))
