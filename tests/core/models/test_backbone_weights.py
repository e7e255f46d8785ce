"""A backbone's weights are read from files in torchvision's layout."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.errors import MissingError
from core.models.backbone_weights import read_backbone
from core.models.backbones import BACKBONES
from tests.factories.networks import OF_TORCHVISION
from tests.factories.weights import (
    Tensors,
    assert_same_tensors,
    problem_of,
    random_tensors,
    saved,
    torchvision_layout,
)


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_each_backbones_own_layout_is_read(name: str, tmp_path: Path) -> None:
    backbone = BACKBONES[name]
    state = random_tensors(backbone.name)
    whole = {f"{backbone.prefix}{key}": value for key, value in state.items()}
    whole[f"{backbone.head}0.weight"] = torch.ones(2, 2)
    assert_same_tensors(read_backbone(saved(whole, tmp_path), backbone.name), state)


def test_weights_of_another_backbone_are_refused_by_their_keys(tmp_path: Path) -> None:
    path = saved(random_tensors("resnet18"), tmp_path)
    problem = problem_of(path, "resnet50")
    assert problem.startswith("some.pth does not fit resnet50: ")
    assert "layer1.0.conv1.weight has shape (64, 64, 3, 3) instead of (64, 64, 1, 1)" in problem


@pytest.mark.parametrize("zipped", [True, False])
def test_both_of_torchs_formats_are_read(tmp_path: Path, vgg16: Tensors, zipped: bool) -> None:
    path = saved(torchvision_layout(vgg16), tmp_path, _use_new_zipfile_serialization=zipped)
    assert_same_tensors(read_backbone(path, "vgg16"), vgg16)


def test_safetensors_are_read(tmp_path: Path, vgg16: Tensors) -> None:
    save_file(torchvision_layout(vgg16), tmp_path / "some.safetensors")
    assert_same_tensors(read_backbone(tmp_path / "some.safetensors", "vgg16"), vgg16)


def test_a_backbone_alone_is_read(tmp_path: Path, vgg16: Tensors) -> None:
    assert_same_tensors(read_backbone(saved(vgg16, tmp_path), "vgg16"), vgg16)


def test_half_precision_becomes_float32(tmp_path: Path, vgg16: Tensors) -> None:
    half = {key: value.half() for key, value in vgg16.items()}
    read = read_backbone(saved(half, tmp_path), "vgg16")
    assert {value.dtype for value in read.values()} == {torch.float32}
    assert torch.equal(read["0.weight"], half["0.weight"].float())


def test_batch_norm_without_its_counters_is_read(tmp_path: Path, vgg16_bn: Tensors) -> None:
    old = {key: value for key, value in vgg16_bn.items() if "num_batches" not in key}
    assert len(old) == len(vgg16_bn) - 13
    read = read_backbone(saved(torchvision_layout(old), tmp_path), "vgg16_bn")
    assert_same_tensors(read, vgg16_bn)
    assert read["1.num_batches_tracked"].dtype == torch.int64


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"There is no file .*nowhere\.pth\."):
        read_backbone(tmp_path / "nowhere.pth", "vgg16")


def test_another_architecture_is_refused_with_up_to_three_keys(tmp_path: Path) -> None:
    state = {"conv1.weight": torch.ones(64, 3, 7, 7), "fc.bias": torch.ones(3)}
    assert problem_of(saved(state, tmp_path)) == (
        "some.pth does not fit vgg16: 0.weight is missing, 0.bias is missing, 2.weight is missing."
    )


def test_a_wider_layer_is_refused_with_its_shapes(tmp_path: Path, vgg16: Tensors) -> None:
    state = vgg16 | {"28.bias": torch.ones(513)}
    assert problem_of(saved(state, tmp_path)) == (
        "some.pth does not fit vgg16: 28.bias has shape (513,) instead of (512,)."
    )


def test_an_unexpected_key_is_refused(tmp_path: Path, vgg16: Tensors) -> None:
    state = torchvision_layout(vgg16) | {"features.99.weight": torch.ones(1)}
    assert problem_of(saved(state, tmp_path)) == (
        "some.pth does not fit vgg16: 99.weight is unexpected."
    )
