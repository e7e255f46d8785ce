"""A weights file is read without trusting it."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.errors import WorkbenchError
from core.models import weights
from core.models.backbone_weights import read_backbone
from tests.factories.weights import Hostile, Tensors, problem_of, saved

UNREADABLE = (
    "some.pth cannot be read as weights: it is damaged, or holds other things than named tensors."
)


def changed(key: str, change: Callable[[Tensor], Tensor]) -> Callable[[Tensors], Tensors]:
    return lambda state: state | {key: change(state[key])}


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            changed("0.weight", lambda t: t.index_fill(0, torch.tensor(3), torch.nan)),
            "not finite",
        ),
        (changed("0.weight", lambda t: t.double() * 1e300), "not finite"),
        (changed("0.weight", torch.zeros_like), "constant"),
        (
            changed("0.weight", lambda t: t.to(torch.int8)),
            "torch.int8 instead of floating point",
        ),
        (
            changed("0.weight", lambda t: t.to(torch.complex64)),
            "torch.complex64 instead of floati",
        ),
        (changed("0.weight", lambda t: torch.rand(1).expand(t.shape)), "repeats a smaller"),
        (changed("0.weight", lambda t: t.to_sparse()), "holds no numbers"),
        (changed("0.weight", lambda t: t.to("meta")), "holds no numbers"),
        (changed("1.running_var", lambda t: -t), "negative"),
        (
            changed("1.num_batches_tracked", lambda t: t.float()),
            "float32 instead of torch.int64",
        ),
    ],
)
def test_unusable_numbers_are_refused(
    tmp_path: Path, vgg16_bn: Tensors, damage: Callable[[Tensors], Tensors], reason: str
) -> None:
    problem = problem_of(saved(damage(vgg16_bn), tmp_path), "vgg16_bn")
    assert problem.startswith("some.pth has unusable weights: ")
    assert reason in problem


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_checkpoint_is_refused_and_not_executed(
    tmp_path: Path, vgg16: Tensors, zipped: bool
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
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("some.pth", "some.safetensors"):
        (tmp_path / name).write_bytes(content)
        problem = problem_of(tmp_path / name)
        assert problem == UNREADABLE.replace("some.pth", name)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {3: torch.ones(1)}, torch.ones(3)])
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, content: object) -> None:
    assert problem_of(saved(content, tmp_path)) == UNREADABLE


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0.0001, 0.3, 0.99999])
def test_a_file_that_was_cut_off_is_refused(
    tmp_path: Path, vgg16: Tensors, zipped: bool, share: float
) -> None:
    path = saved(vgg16, tmp_path, _use_new_zipfile_serialization=zipped)
    os.truncate(path, int(path.stat().st_size * share))
    assert problem_of(path) == UNREADABLE


def test_a_flipped_bit_is_found_by_the_archives_checksums(tmp_path: Path, vgg16: Tensors) -> None:
    path = saved(vgg16, tmp_path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    torch.load(path, weights_only=True)  # Loads it without an error
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
