"""Weights are read from checkpoints as people have them: wrapped, prefixed, with other things."""

import argparse
import collections
import pathlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from core.models.backbone_weights import load_backbone, read_backbone, read_backbone_file
from core.models.model import Model
from core.progress import Progress
from core.workspace import Workspace
from tests.factories.weights import (
    Tensors,
    assert_same_tensors,
    problem_of,
    random_tensors,
    saved,
)

BACKBONE = "resnet18"


@pytest.fixture(scope="module")
def own() -> Tensors:
    """The backbone's tensors by its own keys."""
    return random_tensors(BACKBONE)


def whole(tensors: Tensors, num_classes: int = 7) -> Tensors:
    """Return a whole network of torchvision, with a classifier."""
    classifier = {"fc.weight": torch.ones(num_classes, 512), "fc.bias": torch.ones(num_classes)}
    return tensors | classifier


def prefixed(tensors: Tensors, prefix: str) -> Tensors:
    return {prefix + key: value for key, value in tensors.items()}


@pytest.mark.parametrize(
    "prefix",
    [
        *("module.", "_orig_mod.", "model.", "backbone.", "encoder.", "net.", "network."),
        *("model.backbone.", "module._orig_mod.", "_orig_mod.module.", "model._orig_mod."),
        *("module.model.backbone.", "encoder_q.", "base_encoder.", "my_own.thing_3."),
        "_fsdp_wrapped_module._checkpoint_wrapped_module.",
    ],
)
def test_a_prefix_is_recognized(tmp_path: Path, own: Tensors, prefix: str) -> None:
    read = read_backbone(saved(prefixed(whole(own), prefix), tmp_path), BACKBONE)
    assert_same_tensors(read, own)


@pytest.mark.slow
def test_a_part_that_was_wrapped_alone_is_recognized(tmp_path: Path, vgg16: Tensors) -> None:
    parallel = prefixed(vgg16, "features.module.")  # As in PyTorch's ImageNet example
    parallel["classifier.0.weight"] = torch.ones(2, 2)
    assert_same_tensors(read_backbone(saved(parallel, tmp_path), "vgg16"), vgg16)
    compiled = {key.replace("28.", "28._orig_mod."): value for key, value in vgg16.items()}
    assert_same_tensors(read_backbone(saved(compiled, tmp_path), "vgg16"), vgg16)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrapper", "prefix"),
    [
        *(("state_dict", ""), ("model", "module."), ("model_ema", "model."), ("ema", "")),
        *(("model_state_dict", "module."), ("net", "model."), ("params", "module.")),
        *(("network", ""), ("weights", "module."), ("module", "model."), ("teacher", "")),
        *(("state_dict_ema", "module."), ("anything", "model.")),
    ],
)
def test_a_wrapped_state_dict_is_read(
    tmp_path: Path, own: Tensors, wrapper: str, prefix: str
) -> None:
    optimizer = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}
    content = {
        "epoch": 90,
        "arch": "resnet18",
        wrapper: prefixed(whole(own, 1000), prefix),
        "best_acc1": torch.tensor(69.8),
        "optimizer": optimizer,
        "scheduler": {"last_epoch": 3},
    }
    assert_same_tensors(read_backbone(saved(content, tmp_path), BACKBONE), own)


def test_a_state_dict_in_two_wrappers_is_read(tmp_path: Path, own: Tensors) -> None:
    content = {"model": {"state_dict": prefixed(whole(own), "module.")}}
    assert_same_tensors(read_backbone(saved(content, tmp_path), BACKBONE), own)


def test_a_state_dict_for_each_part_is_read(tmp_path: Path, own: Tensors) -> None:
    content = {"encoder": own, "head": {"weight": torch.ones(7, 512)}, "optimizer": {}}
    assert_same_tensors(read_backbone(saved(content, tmp_path), BACKBONE), own)


@pytest.mark.slow
def test_of_several_networks_the_averaged_one_is_read(tmp_path: Path, own: Tensors) -> None:
    averaged = random_tensors(BACKBONE)
    content = {
        "model": whole(own),
        "model_ema": {"n_averaged": torch.tensor(5)} | prefixed(whole(averaged), "module."),
    }
    read = read_backbone_file(saved(content, tmp_path), BACKBONE)
    assert_same_tensors(read.tensors, averaged)
    assert read.note == "weights of “model_ema”; layers left out: fc (7 outputs)"


@pytest.mark.slow
def test_a_network_that_fits_is_preferred_to_an_averaged_one_that_does_not(
    tmp_path: Path, own: Tensors
) -> None:
    content = {"student": own, "teacher": random_tensors("resnet50")}
    assert_same_tensors(read_backbone(saved(content, tmp_path), BACKBONE), own)


def test_layers_by_their_numbers_in_a_sequence_are_read(tmp_path: Path, own: Tensors) -> None:
    numbers = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    numbered = {
        f"backbone.{numbers.index(first)}.{rest}": value
        for key, value in own.items()
        for first, rest in [key.split(".", 1)]
    }
    numbered["backbone.9.weight"] = torch.ones(7, 512)
    read = read_backbone_file(saved(numbered, tmp_path), BACKBONE)
    assert_same_tensors(read.tensors, own)
    assert read.note == "weights of “backbone”; layers left out: 9 (7 outputs)"


class Settings(dict):  # type: ignore[type-arg]
    """A kind of dict, such as configurations are."""


Settings.__name__ = Settings.__qualname__ = "AttributeDict"
AttributeDict = Settings


@pytest.mark.slow
@pytest.mark.parametrize(
    "beside",
    [
        argparse.Namespace(lr=0.1, data_path="/data", layers=[1, 2]),
        np.float64(0.5),
        np.arange(3),
        pathlib.PurePosixPath("runs/1"),
        collections.defaultdict(list, a=[1]),
        AttributeDict(lr=0.1),
        nn.Linear(2, 2),
        {1, 2},
        {"callbacks": {"best": torch.tensor(0.5)}, 3: None},
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("zipped", [True, False])
def test_objects_beside_the_weights_are_ignored(
    tmp_path: Path, own: Tensors, beside: object, zipped: bool
) -> None:
    if isinstance(beside, nn.Module) and not zipped:
        pytest.skip("torch's format of before 1.6 stores a module's source with it")
    content = {"model": whole(own), "args": beside}
    path = saved(content, tmp_path, _use_new_zipfile_serialization=zipped)
    assert_same_tensors(read_backbone(path, BACKBONE), own)


@pytest.mark.slow
def test_the_suffix_does_not_matter(tmp_path: Path, own: Tensors) -> None:
    path = saved({"state_dict": own}, tmp_path)
    for name in ("model_best.pth.tar", "pytorch_model.bin", "odd.safetensors"):
        path = path.rename(tmp_path / name)
        assert_same_tensors(read_backbone(path, BACKBONE), own)
    save_file(own, tmp_path / "renamed.pth")
    assert_same_tensors(read_backbone(tmp_path / "renamed.pth", BACKBONE), own)


@pytest.mark.parametrize("num_classes", [2, 1000, 21843])
def test_a_classifier_of_any_size_is_left_out_with_a_note(
    tmp_path: Path, own: Tensors, workspace: Workspace, num_classes: int
) -> None:
    path = saved({"state_dict": whole(own, num_classes)}, tmp_path)
    *_, last = load_backbone(workspace, BACKBONE, str(path), 64)
    left_out = f"fc ({num_classes:,} outputs)"
    assert last == Progress(1, 1, f"some.pth: weights of “state_dict”; layers left out: {left_out}")


def test_the_backbone_alone_needs_no_note(tmp_path: Path, own: Tensors) -> None:
    assert read_backbone_file(saved(own, tmp_path), BACKBONE).note == ""


def test_a_deeper_network_of_the_same_layers_is_refused(tmp_path: Path, own: Tensors) -> None:
    deeper = own | {"layer1.2.conv1.weight": torch.rand(64, 64, 3, 3)}
    assert problem_of(saved(prefixed(deeper, "module."), tmp_path), BACKBONE) == (
        "some.pth does not fit resnet18: layer1.2.conv1.weight is unexpected."
    )


@pytest.mark.slow
def test_another_network_in_a_wrapper_is_refused_by_its_names(tmp_path: Path, own: Tensors) -> None:
    content = {"state_dict": prefixed(random_tensors("resnet50"), "module."), "epoch": 1}
    problem = problem_of(saved(content, tmp_path), BACKBONE)
    assert problem.startswith(
        "some.pth does not fit resnet18: layer1.0.conv1.weight has shape (64, 64, 1, 1) instead of"
    )


def exported_backbone(exported: Path) -> Tensors:
    """Return the backbone of an export by its own keys."""
    parts = load_file(exported / "model.safetensors")
    return {
        key.split(".", 1)[1]: value
        for key, value in parts.items()
        if key.startswith(("frozen.", "tail."))
    }


@pytest.mark.slow
def test_this_projects_own_models_are_initial_weights(
    resnet: tuple[Workspace, Model], exported: Path
) -> None:
    workspace, model = resnet
    expected = exported_backbone(exported)
    stored = workspace.models / model.id / "model.safetensors"
    for path in (stored, exported / "model.safetensors"):
        read = read_backbone_file(path, BACKBONE)
        assert read.tensors.keys() == expected.keys()
        assert all(torch.equal(read.tensors[key], expected[key]) for key in expected)
        assert read.note == "layers left out: classifier (3 outputs), project (128 outputs)"


@pytest.mark.slow
def test_a_model_of_timm_is_read_with_any_prefix(tmp_path: Path) -> None:
    name = "efficientnet_lite0"
    layers = random_tensors(name)
    from core.models.backbones import BACKBONES
    from core.models.timm_backbones import timm_keys

    names = timm_keys(BACKBONES[name], 224)
    by_timm = {names[key]: value for key, value in layers.items()}
    classifier = {"classifier.weight": torch.ones(5, 1280), "classifier.bias": torch.ones(5)}
    for content in (
        {"state_dict": prefixed(by_timm | classifier, "module.")},
        prefixed(by_timm | classifier, "model.backbone."),
        prefixed(layers, "frozen.") | {"project.weight": torch.ones(8, 1280)},
    ):
        read = read_backbone_file(saved(content, tmp_path), name)
        assert read.tensors.keys() == layers.keys()
        assert all(torch.equal(read.tensors[key], layers[key]) for key in layers)
        assert "left out: classifier (5 out" in read.note or "project (8 out" in read.note
    deeper = by_timm | {"blocks.7.0.conv_pw.weight": torch.rand(8, 8, 1, 1)}
    assert problem_of(saved(deeper, tmp_path), name) == (
        "some.pth does not fit efficientnet_lite0: blocks.7.0.conv_pw.weight is unexpected."
    )


def test_reading_leaves_nothing_allowed(tmp_path: Path, own: Tensors) -> None:
    before = set(torch.serialization.get_safe_globals())
    read_backbone(saved({"m": own, "args": argparse.Namespace(a=1)}, tmp_path), BACKBONE)
    assert set(torch.serialization.get_safe_globals()) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda weight: weight * torch.nan,
        lambda weight: weight.expand(1, *weight.shape),
        lambda weight: weight[:1, :1].clone().expand(weight.shape),
        lambda weight: weight.to(torch.int8),
    ],
)
def test_numbers_are_checked_in_wrappers_too(
    tmp_path: Path, own: Tensors, change: Callable[[Tensor], Tensor]
) -> None:
    changed = own | {"conv1.weight": change(own["conv1.weight"])}
    path = saved({"state_dict": prefixed(changed, "a.")}, tmp_path)
    assert "conv1.weight" in problem_of(path, BACKBONE)


def test_nothing_but_tensors_is_kept(tmp_path: Path, own: Tensors) -> None:
    content = {"state_dict": own | {"note": "text", "bn1._extra_state": b"bytes", "num": 3}}
    read = read_backbone(saved(content, tmp_path), BACKBONE)
    assert_same_tensors(read, own)
    assert all(isinstance(value, Tensor) for value in read.values())
