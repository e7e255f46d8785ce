"""A weights file is read without trusting it."""

import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.models import weights
from core.models.backbone_weights import read_backbone
from tests.factories.weights import Hostile, Tensors, assert_same_tensors, problem_of, saved

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
@pytest.mark.parametrize("place", ["beside", "inside"])
def test_a_hostile_checkpoint_is_refused_and_not_executed(
    tmp_path: Path, vgg16: Tensors, zipped: bool, place: str
) -> None:
    trace = tmp_path / "executed"
    evil = {"evil": Hostile(trace)}
    content = vgg16 | evil if place == "beside" else {"state_dict": vgg16, "args": [evil]}
    path = saved(content, tmp_path, _use_new_zipfile_serialization=zipped)
    assert problem_of(path) == (
        f"some.pth would run code ({os.mkdir.__module__}.mkdir); nothing of it was run."
    )
    assert not trace.exists()


@pytest.mark.parametrize("name", ["eval", "exec", "getattr", "__import__"])
def test_a_function_of_python_is_refused(tmp_path: Path, name: str) -> None:
    pickled = b"\x80\x02c__builtin__\n%b\nX\x01\x00\x00\x001\x85R." % name.encode()
    with zipfile.ZipFile(tmp_path / "some.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/version", "3")
    assert problem_of(tmp_path / "some.pth") == (
        f"some.pth would run code (builtins.{name}); nothing of it was run."
    )


@pytest.mark.parametrize("content", [b"PK\x03\x04 and no more", bytes(1000), b"\x01\xff\x00" * 9])
def test_a_file_of_something_unknown_is_refused(tmp_path: Path, content: bytes) -> None:
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


def inflating(path: Path, size: int, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """Write a file as torch.save does, but with one compressed storage of zeros."""
    buffer = path.with_suffix(".small")
    torch.save({"conv1.weight": torch.zeros(16)}, buffer)
    with (
        zipfile.ZipFile(buffer) as small,
        zipfile.ZipFile(path, "w", compression, compresslevel=9) as archive,
    ):
        for name in small.namelist():
            if not name.endswith("/data/0"):
                archive.writestr(name, small.read(name))
                continue
            with archive.open(name, "w", force_zip64=True) as entry:
                for _ in range(size >> 20):
                    entry.write(bytes(1 << 20))
    return path


@pytest.mark.slow
def test_a_small_archive_of_huge_content_is_refused_by_its_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inflating(tmp_path / "some.pth", 64 << 20)
    assert path.stat().st_size < 100_000
    monkeypatch.setattr(zipfile.ZipFile, "open", None)  # Nothing is unpacked
    monkeypatch.setattr(torch, "load", None)
    assert problem_of(path) == (
        "some.pth would unpack from 0.1 to 67.1 MB; torch.save does not compress."
    )


def test_an_archive_of_more_than_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = inflating(tmp_path / "some.pth", 3 << 20, zipfile.ZIP_STORED)
    monkeypatch.setattr(weights, "MAX_BYTES", 2 << 20)  # In place of 4 GB
    assert problem_of(path) == "some.pth has 0.0 GB; at most 0.0 GB are read."


@pytest.mark.slow
def test_two_gigabytes_in_two_megabytes_are_refused_in_a_second(tmp_path: Path) -> None:
    path = inflating(tmp_path / "some.pth", 2 << 30)
    assert path.stat().st_size < 3_000_000
    started = time.monotonic()
    assert problem_of(path) == (
        "some.pth would unpack from 2.1 to 2,147.5 MB; torch.save does not compress."
    )
    assert time.monotonic() - started < 1


@pytest.mark.slow
def test_a_recompressed_file_is_read(tmp_path: Path, vgg16_bn: Tensors) -> None:
    path = saved(vgg16_bn, tmp_path)
    with (
        zipfile.ZipFile(path) as stored,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED, True, 1) as packed,
    ):
        for name in stored.namelist():
            packed.writestr(name, stored.read(name))
    assert_same_tensors(read_backbone(tmp_path / "packed.pth", "vgg16_bn"), vgg16_bn)
