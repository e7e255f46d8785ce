"""Weights are fetched as published, and a file of them is read without being trusted."""

import hashlib
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from core.errors import DownloadError, MissingError, WorkbenchError
from core.models import vision, weights
from core.models.backbones import BACKBONES, Backbone, build_backbone
from core.models.pretrained import SOURCE, fetch_imagenet, has_imagenet, imagenet_file
from core.models.weights import read_backbone
from core.progress import Progress, finish
from core.workspace import Workspace
from tests.support.local_server import LocalServer, serve

State = dict[str, Tensor]


def state_of(backbone: str) -> State:
    """Numbers of the right shapes, in 0..1."""
    with torch.device("meta"):
        like = build_backbone(BACKBONES[backbone]).state_dict()
    return {
        key: torch.rand(value.shape)
        if value.is_floating_point()
        else torch.zeros_like(value, device="cpu")
        for key, value in like.items()
    }


@pytest.fixture(scope="module")
def vgg16() -> State:
    """The convolutional layers' tensors by their own keys, `0.weight` and so on."""
    return state_of("vgg16")


@pytest.fixture(scope="module")
def vgg16_bn() -> State:
    return state_of("vgg16_bn")


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's own cache, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server(vgg16: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """A mirror that serves a trunk under a name that ends in its own SHA-256, as torchvision's."""
    torch.save(published(vgg16), tmp_path / "served.pth")
    content = (tmp_path / "served.pth").read_bytes()
    name = f"vgg16-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setitem(BACKBONES, "vgg16", replace(BACKBONES["vgg16"], weights_file=name))
    with serve(**{f"mirror/{name}": content}) as server:
        monkeypatch.setenv("WORKBENCH_WEIGHTS_URL", f"{server.url}/mirror/")
        yield server


def published(state: State) -> State:
    """The layout of torchvision's files, with a scrap in place of the 470 MB of dense layers."""
    return {f"features.{key}": value for key, value in state.items()} | {
        "classifier.0.weight": torch.ones(2, 2)
    }


def saved(content: Any, tmp_path: Path, **options: Any) -> Path:
    torch.save(content, tmp_path / "some.pth", **options)
    return tmp_path / "some.pth"


def problem_of(path: Path, backbone: str = "vgg16") -> str:
    with pytest.raises(WorkbenchError) as caught:
        read_backbone(path, backbone)
    return caught.value.problem


def assert_same(read: State, expected: State) -> None:
    assert list(read) == list(expected)
    assert all(torch.equal(read[key], expected[key]) for key in expected)


UNREADABLE = (
    "some.pth cannot be read as weights: it is damaged, or holds other things than named tensors."
)


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_addresses_and_sizes_are_torchvisions_own(backbone: Backbone) -> None:
    weights = vision.models.get_model_weights(backbone.name)["IMAGENET1K_V1"]
    assert weights.url == f"{SOURCE}/{backbone.weights_file}"
    assert round(weights.meta["_file_size"]) == backbone.weights_mb


@pytest.mark.parametrize("backbone", BACKBONES.values(), ids=BACKBONES)
def test_each_backbones_own_layout_is_read(backbone: Backbone, tmp_path: Path) -> None:
    state = state_of(backbone.name)
    whole = {f"{backbone.prefix}{key}": value for key, value in state.items()}
    whole[f"{backbone.head}0.weight"] = torch.ones(2, 2)
    assert_same(read_backbone(saved(whole, tmp_path), backbone.name), state)


def test_weights_of_another_backbone_are_refused_by_their_keys(tmp_path: Path) -> None:
    path = saved(state_of("resnet18"), tmp_path)
    problem = problem_of(path, "resnet50")
    assert problem.startswith("some.pth does not fit resnet50: ")
    assert "layer1.0.conv1.weight has shape (64, 64, 3, 3) instead of (64, 64, 1, 1)" in problem


def test_file_names_are_torchvisions(workspace: Workspace) -> None:
    assert imagenet_file(workspace, "vgg16") == workspace.weights / "vgg16-397923af.pth"
    assert imagenet_file(workspace, "vgg16_bn") == workspace.weights / "vgg16_bn-6c64b313.pth"
    assert not has_imagenet(workspace, "vgg16")


def test_an_unknown_backbone_is_refused(workspace: Workspace) -> None:
    with pytest.raises(WorkbenchError, match="There is no backbone “resnet9000”"):
        imagenet_file(workspace, "resnet9000")


def test_weights_are_fetched_once_with_progress_and_can_be_read(
    server: LocalServer, workspace: Workspace, vgg16: State
) -> None:
    steps = list(fetch_imagenet(workspace, "vgg16"))
    path = imagenet_file(workspace, "vgg16")
    assert path.parent == workspace.weights
    assert has_imagenet(workspace, "vgg16")
    downloading = [step for step in steps if isinstance(step, Progress) and step.total > 0]
    assert downloading[-1].fraction == 1
    assert_same(read_backbone(path, "vgg16"), vgg16)
    assert finish(fetch_imagenet(workspace, "vgg16")) == path
    assert len(server.asked) == 1


def test_weights_in_torchs_own_cache_are_used(
    server: LocalServer, workspace: Workspace, no_hub: Path
) -> None:
    [(name, content)] = server.files.items()
    no_hub.mkdir(parents=True)
    cached = no_hub / Path(name).name
    cached.write_bytes(content)
    assert has_imagenet(workspace, "vgg16")
    assert finish(fetch_imagenet(workspace, "vgg16")) == cached
    cached.write_bytes(content[:-1])
    assert finish(fetch_imagenet(workspace, "vgg16")).parent == workspace.weights


def test_other_weights_than_published_are_not_kept(
    server: LocalServer, workspace: Workspace
) -> None:
    [name] = server.files
    server.files[name] = b"<html>Please log in</html>"
    with pytest.raises(DownloadError, match="its checksum is not the published one"):
        finish(fetch_imagenet(workspace, "vgg16"))
    assert not has_imagenet(workspace, "vgg16")


@pytest.mark.parametrize("zipped", [True, False])
def test_both_of_torchs_formats_are_read(tmp_path: Path, vgg16: State, zipped: bool) -> None:
    path = saved(published(vgg16), tmp_path, _use_new_zipfile_serialization=zipped)
    assert_same(read_backbone(path, "vgg16"), vgg16)


def test_safetensors_are_read(tmp_path: Path, vgg16: State) -> None:
    save_file(published(vgg16), tmp_path / "some.safetensors")
    assert_same(read_backbone(tmp_path / "some.safetensors", "vgg16"), vgg16)


def test_a_trunk_alone_is_read(tmp_path: Path, vgg16: State) -> None:
    assert_same(read_backbone(saved(vgg16, tmp_path), "vgg16"), vgg16)


def test_half_precision_becomes_float32(tmp_path: Path, vgg16: State) -> None:
    half = {key: value.half() for key, value in vgg16.items()}
    read = read_backbone(saved(half, tmp_path), "vgg16")
    assert {value.dtype for value in read.values()} == {torch.float32}
    assert torch.equal(read["0.weight"], half["0.weight"].float())


def test_batch_norm_without_its_counters_is_read(tmp_path: Path, vgg16_bn: State) -> None:
    old = {key: value for key, value in vgg16_bn.items() if "num_batches" not in key}
    assert len(old) == len(vgg16_bn) - 13
    read = read_backbone(saved(published(old), tmp_path), "vgg16_bn")
    assert_same(read, vgg16_bn)
    assert read["1.num_batches_tracked"].dtype == torch.int64


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"There is no file .*nowhere\.pth\."):
        read_backbone(tmp_path / "nowhere.pth", "vgg16")


def test_another_architecture_is_told_by_up_to_three_keys(tmp_path: Path) -> None:
    state = {"conv1.weight": torch.ones(64, 3, 7, 7), "fc.bias": torch.ones(3)}
    assert problem_of(saved(state, tmp_path)) == (
        "some.pth does not fit vgg16: 0.weight is missing, 0.bias is missing, 2.weight is missing."
    )


def test_a_wider_layer_is_told_by_its_shapes(tmp_path: Path, vgg16: State) -> None:
    state = vgg16 | {"28.bias": torch.ones(513)}
    assert problem_of(saved(state, tmp_path)) == (
        "some.pth does not fit vgg16: 28.bias has shape (513,) instead of (512,)."
    )


def test_a_key_too_many_is_named(tmp_path: Path, vgg16: State) -> None:
    state = published(vgg16) | {"features.99.weight": torch.ones(1)}
    assert problem_of(saved(state, tmp_path)) == (
        "some.pth does not fit vgg16: 99.weight is unexpected."
    )


def changed(key: str, change: Callable[[Tensor], Tensor]) -> Callable[[State], State]:
    return lambda state: state | {key: change(state[key])}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (changed("0.weight", lambda t: t.index_fill(0, torch.tensor(3), torch.nan)), "not finite"),
        (changed("0.weight", lambda t: t.double() * 1e300), "not finite"),
        (changed("0.weight", torch.zeros_like), "constant"),
        (changed("0.weight", lambda t: t.to(torch.int8)), "torch.int8 instead of floating point"),
        (changed("0.weight", lambda t: t.to(torch.complex64)), "torch.complex64 instead of floati"),
        (changed("0.weight", lambda t: torch.rand(1).expand(t.shape)), "repeats a smaller"),
        (changed("0.weight", lambda t: t.to_sparse()), "holds no numbers"),
        (changed("0.weight", lambda t: t.to("meta")), "holds no numbers"),
        (changed("1.running_var", lambda t: -t), "negative"),
        (changed("1.num_batches_tracked", lambda t: t.float()), "float32 instead of torch.int64"),
    ],
)
def test_numbers_that_no_training_leaves_are_refused(
    tmp_path: Path, vgg16_bn: State, spoil: Callable[[State], State], reason: str
) -> None:
    problem = problem_of(saved(spoil(vgg16_bn), tmp_path), "vgg16_bn")
    assert problem.startswith("some.pth has unusable weights: ")
    assert reason in problem


class Hostile:
    """Creates a file when it is unpickled by a reader that trusts it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_checkpoint_is_refused_and_not_executed(
    tmp_path: Path, vgg16: State, zipped: bool
) -> None:
    trace = tmp_path / "executed"
    content = vgg16 | {"evil": Hostile(trace)}
    path = saved(content, tmp_path, _use_new_zipfile_serialization=zipped)
    assert problem_of(path) == UNREADABLE
    assert not trace.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Not found</html>",
        b"PK\x03\x04 and no more",
        b"\x80\x02}q\x00.",
        pickle.dumps({"a": 1}, 2),
        bytes(1000),
    ],
)
def test_a_file_of_something_else_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    for name in ("some.pth", "some.safetensors"):
        (tmp_path / name).write_bytes(content)
        problem = problem_of(tmp_path / name)
        assert problem == UNREADABLE.replace("some.pth", name)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {3: torch.ones(1)}, torch.ones(3)])
def test_a_checkpoint_of_something_else_is_one_sentence(tmp_path: Path, content: object) -> None:
    assert problem_of(saved(content, tmp_path)) == UNREADABLE


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0001, 0.3, 0.99999])
def test_a_file_that_was_cut_off_is_refused(
    tmp_path: Path, vgg16: State, zipped: bool, share: float
) -> None:
    path = saved(vgg16, tmp_path, _use_new_zipfile_serialization=zipped)
    os.truncate(path, int(path.stat().st_size * share))
    assert problem_of(path) == UNREADABLE


def test_a_flipped_bit_is_found_by_the_archives_checksums(tmp_path: Path, vgg16: State) -> None:
    path = saved(vgg16, tmp_path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    torch.load(path, weights_only=True)  # Takes it without a word
    assert problem_of(path) == UNREADABLE


def test_a_small_archive_of_huge_content_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        for number in range(3):
            archive.writestr(f"archive/data/{number}", bytes(1 << 20))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(weights, "MAX_BYTES", 2 << 20)  # In place of 4 GB
    with pytest.raises(WorkbenchError) as caught:
        read_backbone(path, "vgg16")
    assert caught.value.problem == UNREADABLE
    assert str(caught.value.__cause__) == "too large"
