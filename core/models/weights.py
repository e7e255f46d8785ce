"""Weights files, read without trusting them: nothing in a .pth or .safetensors is executed."""

import math
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import MissingError, WorkbenchError

T = TypeVar("T")

MAX_BYTES = 4 << 30
"""A whole VGG-16 is 0.5 GB; a file that is larger than this, or says so, is refused."""

COUNTER = "num_batches_tracked"
"""Batch norm's count of steps; weights from before torch 0.4.1, as VGG's are, have none."""

UNREADABLE = (
    pickle.UnpicklingError,
    SafetensorError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    OverflowError,
    MemoryError,
)
"""What damaged files were seen to raise, or torch's, pickle's and zipfile's readers document."""


@dataclass(frozen=True, slots=True)
class WeightsFile:
    """A weights file, for the error message that refuses it."""

    path: Path
    target: str
    """What its weights must fit."""

    advice: str
    """What to do if they do not."""


def validate_weights(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], file: WeightsFile
) -> dict[str, Tensor]:
    """Return copies of a file's tensors after comparing them with the expected ones.

    Args:
        tensors: Content of the file; a batch norm's counter may be missing.
        expected: The required keys and shapes; the numbers are not read.
        file: Where the tensors come from.

    Returns:
        float32 tensors (int64 for a batch norm's counter) by the expected keys, in their order.

    Raises:
        WorkbenchError: They differ in keys or shapes, or their numbers are unusable.
    """
    counters = {
        key: torch.zeros_like(like, device="cpu")
        for key, like in expected.items()
        if key.endswith(COUNTER)
    }
    tensors = counters | dict(tensors)
    _refuse(file, f"does not fit {file.target}", _misfits(tensors, expected))
    _refuse(file, "has unusable weights", _unusable_tensors(tensors))
    copies = {key: _plain(tensors[key]) for key in expected}
    _refuse(file, "has unusable weights", _unusable_numbers(copies))
    return copies


def read_untrusted(
    path: Path, parse: Callable[[Any, dict[str, str] | None], T], unreadable: WorkbenchError
) -> T:
    """Read a .safetensors or .pth and parse its content.

    Args:
        path: The file.
        parse: Gets the tensors and the metadata of a .safetensors, or the content of a .pth and
            None; may raise any of `UNREADABLE`.
        unreadable: Raised if the file cannot be read or parsed.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: `unreadable`.
    """
    if not path.is_file():
        raise MissingError(f"There is no file {path}.", "Check the path and try again.")
    try:
        if path.suffix == ".safetensors":
            return parse(*read_safetensors(path))
        return parse(_read_checkpoint(path), None)
    except UNREADABLE as error:
        raise unreadable from error


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and the metadata of a .safetensors.

    Raises:
        Exception: One of `UNREADABLE`; the file is damaged or too large.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ValueError("too large")
    # Not memory-mapped: the file could change after it was validated
    with safe_open(path, "pt", backend="pread") as file:
        return file.get_tensors(), file.metadata() or {}


def require_state_dict(content: object) -> dict[str, Tensor]:
    """Return the content if it is named tensors and nothing else.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(content, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    ):
        raise TypeError("not a state dict")
    return content


def _read_checkpoint(path: Path) -> object:
    """Read a file of `torch.save`: tensors and plain values only."""
    if path.stat().st_size > MAX_BYTES:
        raise ValueError("too large")
    _check_archive(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _check_archive(path: Path) -> None:
    """Check what `torch.load` does not: checksums, and small files that unpack to huge ones.

    Files from before torch 1.6, as VGG's are, are no archives and have no checksums.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
            raise ValueError("too large")
        if damaged := archive.testzip():
            raise ValueError(f"wrong checksum of {damaged}")


def _misfits(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Iterator[str]:
    for key, like in expected.items():
        if key not in tensors:
            yield f"{key} is missing"
        elif tensors[key].shape != like.shape:
            yield f"{key} has shape {tuple(tensors[key].shape)} instead of {tuple(like.shape)}"
    for key in tensors:
        if key not in expected:  # Then it may be any text
            yield f"{key[:60] if key.isprintable() else ascii(key[:60])} is unexpected"


def _unusable_tensors(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Check how each tensor is stored, without reading its numbers."""
    for key, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu":
            yield f"{key} holds no numbers"
        elif key.endswith(COUNTER) and tensor.dtype != torch.int64:
            yield f"{key} is {tensor.dtype} instead of torch.int64"
        elif not key.endswith(COUNTER) and not tensor.is_floating_point():
            yield f"{key} is {tensor.dtype} instead of floating point"
        elif tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
            yield f"{key} repeats a smaller storage"


def _plain(tensor: Tensor) -> Tensor:
    """Copy a tensor into a storage of its own, without the rest of the file."""
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to(dtype).clone(memory_format=torch.contiguous_format)


def _unusable_numbers(weights: Mapping[str, Tensor]) -> Iterator[str]:
    for key, tensor in weights.items():
        low, high = (float(end) for end in tensor.aminmax())  # NaN if any number is
        if not (math.isfinite(low) and math.isfinite(high)):
            yield f"{key} is not finite"
        elif key.endswith("running_var") and low < 0:
            yield f"{key} is negative"
        elif tensor.ndim == 4 and low == high:
            yield f"{key} is constant"


def _refuse(file: WeightsFile, problem: str, reasons: Iterator[str]) -> None:
    first = [reason for reason, _ in zip(reasons, range(3), strict=False)]
    if first:
        raise WorkbenchError(f"{file.path.name} {problem}: {', '.join(first)}.", file.advice)
