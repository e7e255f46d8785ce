"""torchvision's models can be imported with and without its C++ operators."""

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]

FRESH = """
import sys
import torch
from core.models import vision
with torch.device("meta"):
    assert len(vision.models.vgg16(weights=None).features) == 31

import torchvision
there = torchvision.extension._has_ops()
assert (vision._declared is None) == there, "declared what torchvision has, or did not"
assert all(hasattr(torch.ops.torchvision, name) for name in ("nms", "qnms"))

del sys.modules["core.models.vision"], sys.modules["core.models"].vision
from core.models import vision as again
assert again.models.vgg16 is vision.models.vgg16, "not as Streamlit's hot reload needs it"
"""

EXISTING = """
import torch
library = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
from core.models import vision
assert vision._declared is None
"""


def run(code: str) -> None:
    """Run code in a fresh interpreter, without torchvision imported."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_backbones_can_be_built_whether_or_not_torchvision_has_its_operators() -> None:
    run(FRESH)


@pytest.mark.slow
def test_existing_operators_are_not_declared_again() -> None:
    run(EXISTING)
