"""Stand-ins for torchvision's networks, with few channels: a training takes a tenth of a second.

What is said about a network by name, and exports, want the real ones; all else can do with these.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from core.models import model, vision
from core.models.backbones import BACKBONES

CHANNELS = 160
"""Of the last layer: more than the dimensions of an embedding."""


MADE_SMALL = ("mobilenet_v3_large", "resnet18", "vgg16_bn")
"""The networks that tests make; what forms say about the others is true."""


@contextmanager
def small_backbones(names: Iterable[str] = MADE_SMALL) -> Iterator[None]:
    """Build small networks by the names of torchvision's, with as many blocks."""
    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            original = BACKBONES[name]
            blocks = range(original.num_blocks)
            small = replace(
                original,
                block_starts=tuple(blocks),
                num_layers=len(blocks),
                channels=CHANNELS,
                prefix="features.",
                pooled_side=1,
            )
            patch.setitem(BACKBONES, name, small)
            patch.setattr(vision.models, name, _builder(len(blocks)))
        model._without_weights.cache_clear()
        yield
    model._without_weights.cache_clear()


def _builder(num_layers: int) -> Callable[..., nn.Module]:
    def build(**_: Any) -> nn.Module:
        channels = [3, *(8 for _ in range(num_layers - 1)), CHANNELS]
        layers = [_layer(*channels[number : number + 2]) for number in range(num_layers)]
        return nn.ModuleDict({"features": nn.Sequential(*layers)})

    return build


def _layer(entering: int, leaving: int) -> nn.Module:
    convolution = nn.Conv2d(entering, leaving, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(leaving), nn.ReLU())
