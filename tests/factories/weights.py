"""Weights files: in torchvision's layout, with random numbers, and hostile ones."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from core.errors import WorkbenchError
from core.models.backbone_layers import build_backbone
from core.models.backbone_weights import read_backbone
from core.models.backbones import BACKBONES

Tensors = dict[str, Tensor]


def random_tensors(backbone: str) -> Tensors:
    """Return a backbone's tensors, by its own keys, with numbers in 0..1."""
    with torch.device("meta"):
        like = build_backbone(BACKBONES[backbone]).state_dict()
    return {
        key: torch.rand(value.shape)
        if value.is_floating_point()
        else torch.zeros_like(value, device="cpu")
        for key, value in like.items()
    }


def torchvision_layout(tensors: Tensors) -> Tensors:
    """Return VGG's layout in torchvision, with a scrap in place of 470 MB of dense layers."""
    return {f"features.{key}": value for key, value in tensors.items()} | {
        "classifier.0.weight": torch.ones(2, 2)
    }


def saved(content: Any, folder: Path, **options: Any) -> Path:
    """Save content with torch as some.pth."""
    torch.save(content, folder / "some.pth", **options)
    return folder / "some.pth"


def assert_same_tensors(read: Tensors, expected: Tensors) -> None:
    """Compare keys, their order, and values."""
    assert list(read) == list(expected)
    assert all(torch.equal(read[key], expected[key]) for key in expected)


def problem_of(path: Path, backbone: str = "vgg16") -> str:
    """Return the error sentence of a weights file that is refused."""
    with pytest.raises(WorkbenchError) as caught:
        read_backbone(path, backbone)
    return caught.value.problem


class Hostile:
    """Creates a folder when a reader that trusts it unpickles it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)
