"""Reading a file of pre-trained weights without trusting it.

Fetching torchvision's is the business of `pretrained.py`; what a trained model of the workbench
looks like on disk, that of `models.py`; bringing in one from elsewhere, that of `model_import.py`.
"""

import math
import pickle
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import MissingError, WorkbenchError
from core.models.backbones import Backbone, build_backbone, find_backbone

MAX_BYTES = 4 << 30
"""A whole VGG-16 is 0.5 GB; more than this is not one, whatever it says."""

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
"""What damaged files were seen to raise, or torch's, pickle's and zipfile's readers say they do."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file of weights, for the sentence that refuses it."""

    path: Path
    wanted: str
    """What its weights are to fit."""

    advice: str
    """What to do if they do not."""


def read_backbone(path: Path, backbone: str) -> dict[str, Tensor]:
    """Read a backbone's convolutional layers from a .pth or .safetensors in torchvision's layout.

    Nothing in the file is executed. Layers after the trunk are passed over.

    Returns:
        float32 tensors (int64 for a batch norm's counter) by torchvision's keys, without the prefix
        that its whole network gives the trunk: each one that the trunk has, and no other.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It cannot be read, is of another architecture, or its numbers are unusable.
    """
    expected = _expected(backbone)
    if not path.is_file():
        raise MissingError(f"There is no file {path}.", "Check the path and try again.")
    tensors = _trunk_of(_read(path), find_backbone(backbone))
    return checked(
        tensors,
        expected,
        Source(path, backbone, "Choose the backbone that the file was made for, or another file."),
    )


def checked(
    tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor], source: Source
) -> dict[str, Tensor]:
    """Return copies of a file's tensors, once they are found to be those that are expected.

    Args:
        tensors: What the file has; a batch norm's counter may be missing.
        expected: The keys and shapes wanted; their numbers are not looked at.
        source: What the sentence says of the file.

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
    _refuse(source, f"does not fit {source.wanted}", _misfits(tensors, expected))
    _refuse(source, "has unusable weights", _unfit_tensors(tensors))
    copies = {key: _plain(tensors[key]) for key in expected}
    _refuse(source, "has unusable weights", _unfit_numbers(copies))
    return copies


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a .safetensors.

    Returns:
        Its tensors, and what it says of itself.

    Raises:
        Exception: One of `UNREADABLE`; the file is damaged or too large.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ValueError("too large")
    # Not mapped: the file may change under a map, and with it what was checked
    with safe_open(path, "pt", backend="pread") as file:
        return file.get_tensors(), file.metadata() or {}


def read_checkpoint(path: Path) -> object:
    """Read what `torch.save` wrote, tensors and plain values only; nothing in it is executed.

    Raises:
        Exception: One of `UNREADABLE`; the file is damaged, too large, or holds other things.
    """
    _check_archive(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def is_state_dict(content: object) -> TypeGuard[dict[str, Tensor]]:
    """Say whether it is named tensors and nothing else."""
    return isinstance(content, dict) and all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    )


def _expected(backbone: str) -> dict[str, Tensor]:
    with torch.device("meta"):
        return build_backbone(find_backbone(backbone)).state_dict()


def _read(path: Path) -> dict[str, Tensor]:
    """Load every tensor of a file; a file of anything else is refused."""
    try:
        content = (
            read_safetensors(path)[0] if path.suffix == ".safetensors" else read_checkpoint(path)
        )
        if not is_state_dict(content):
            raise TypeError("not a state dict")
    except UNREADABLE as error:
        raise WorkbenchError(
            f"{path.name} cannot be read as weights: it is damaged, or holds other things "
            "than named tensors.",
            "Download it again, or save the network's state_dict() with torch or safetensors.",
        ) from error
    return content


def _check_archive(path: Path) -> None:
    """Find what `torch.load` does not look for: wrong checksums, and small files of huge content.

    Files from before torch 1.6, as VGG's are, are no archives and have no checksums.
    """
    if path.stat().st_size > MAX_BYTES:
        raise ValueError("too large")
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_BYTES:
            raise ValueError("too large")
        if damaged := archive.testzip():
            raise ValueError(f"wrong checksum of {damaged}")


def _trunk_of(tensors: Mapping[str, Tensor], backbone: Backbone) -> dict[str, Tensor]:
    """Return what may be the trunk, keyed as the trunk's own layers are."""
    if not any(key.startswith(backbone.prefix) for key in tensors):
        return dict(tensors)
    kept = {key: value for key, value in tensors.items() if not key.startswith(backbone.head)}
    return {key.removeprefix(backbone.prefix): value for key, value in kept.items()}


def _misfits(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Iterator[str]:
    for key, like in expected.items():
        if key not in tensors:
            yield f"{key} is missing"
        elif tensors[key].shape != like.shape:
            yield f"{key} has shape {tuple(tensors[key].shape)} instead of {tuple(like.shape)}"
    for key in tensors:
        if key not in expected:  # Then it may be anything
            yield f"{key[:60] if key.isprintable() else ascii(key[:60])} is unexpected"


def _unfit_tensors(tensors: Mapping[str, Tensor]) -> Iterator[str]:
    """Look at how each tensor is stored; its numbers are not touched yet."""
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
    """Copy a tensor into a storage of its own, free of what else the file had."""
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    return tensor.detach().to(dtype).clone(memory_format=torch.contiguous_format)


def _unfit_numbers(backbone_weights: Mapping[str, Tensor]) -> Iterator[str]:
    for key, tensor in backbone_weights.items():
        low, high = (float(end) for end in tensor.aminmax())  # NaN if one is
        if not (math.isfinite(low) and math.isfinite(high)):
            yield f"{key} is not finite"
        elif key.endswith("running_var") and low < 0:
            yield f"{key} is negative"
        elif tensor.ndim == 4 and low == high:
            yield f"{key} is constant"


def _refuse(source: Source, verdict: str, reasons: Iterator[str]) -> None:
    named = [reason for reason, _ in zip(reasons, range(3), strict=False)]
    if named:
        raise WorkbenchError(f"{source.path.name} {verdict}: {', '.join(named)}.", source.advice)
