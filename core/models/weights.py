"""Weights files, read without trusting them: nothing in a .pth or .safetensors is executed."""

import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from core.errors import WorkbenchError
from core.models.file_kinds import WeightsFormat, recognize
from core.models.pickled_names import class_of_model, pickled_model, stand_ins

T = TypeVar("T")

MAX_BYTES = 4 << 30
"""A whole VGG-16 is 0.5 GB; a file that is larger than this, or says so, is refused."""

MAX_RATIO, SMALL_BYTES = 10, 1 << 20
"""Most times its own size that a checkpoint unpacks to, if that is more than a megabyte: torch.save
does not compress, and weights hardly can be."""

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


def read_untrusted(
    path: Path, parse: Callable[[Any, dict[str, str] | None], T], unreadable: WorkbenchError
) -> T:
    """Read a weights file of either format, whatever its suffix, and parse its content.

    Args:
        path: The file.
        parse: Gets the tensors and the metadata of a .safetensors, or the content of a .pth and
            None; may raise any of `UNREADABLE`. Objects of a .pth that are no plain data are
            `StandIn`s there.
        unreadable: Raised if the file cannot be read or parsed.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: `unreadable`; or the file is of another kind, unpacks to far more than its
            size, or would run code.
    """
    try:
        if recognize(path) == WeightsFormat.SAFETENSORS:
            return parse(*read_safetensors(path))
        return parse(_read_checkpoint(path), None)
    except UNREADABLE as error:
        if isinstance(error, pickle.UnpicklingError | TypeError) and (name := _model_class(path)):
            raise pickled_model(path, name) from error
        raise unreadable from error


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and the metadata of a .safetensors.

    Raises:
        Exception: One of `UNREADABLE`; the file is damaged.
        WorkbenchError: It is too large.
    """
    _refuse_large(path, path.stat().st_size)
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
    """Read a file of `torch.save`: tensors, plain values, and stand-ins for other objects."""
    _refuse_large(path, path.stat().st_size)
    if zipfile.is_zipfile(path):
        _check_archive(path)
    # By a path, torch would choose the format by the suffix
    with path.open("rb") as file, torch.serialization.safe_globals(stand_ins(path)):
        return torch.load(file, map_location="cpu", weights_only=True)


def _model_class(path: Path) -> str:
    """Return the class of a pickled network, "" if there is none."""
    try:
        return class_of_model(path)
    except UNREADABLE:  # No pickle, or a damaged one
        return ""


def _check_archive(path: Path) -> None:
    """Check what `torch.load` does not: small files that unpack to huge ones, and checksums.

    Files from before torch 1.6, as VGG's are, are no archives and have no checksums.
    """
    with zipfile.ZipFile(path) as archive:
        size, unpacked = path.stat().st_size, sum(e.file_size for e in archive.infolist())
        _refuse_large(path, unpacked)
        if unpacked > max(SMALL_BYTES, MAX_RATIO * size):
            raise WorkbenchError(
                f"{path.name} would unpack from {size / 1e6:,.1f} to {unpacked / 1e6:,.1f} MB; "
                "torch.save does not compress.",
                "Use the file as torch.save wrote it.",
            )
        if damaged := archive.testzip():
            raise ValueError(f"wrong checksum of {damaged}")


def _refuse_large(path: Path, size: int) -> None:
    if size > MAX_BYTES:
        raise WorkbenchError(
            f"{path.name} has {size / 1e9:,.1f} GB; at most {MAX_BYTES / 1e9:,.1f} GB are read.",
            "Save the network's weights alone, without the state of the optimizer.",
        )
