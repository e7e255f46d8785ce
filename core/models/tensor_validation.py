"""Validation of tensors from a file: they fit the network, and their numbers can be used."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from core.errors import WorkbenchError

COUNTER = "num_batches_tracked"
"""Batch norm's count of steps; weights from before torch 0.4.1, as VGG's are, have none."""


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
