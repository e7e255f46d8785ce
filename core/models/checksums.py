"""Checksums of each tensor and of the description in an exported model.safetensors.

A .safetensors has none of its own, so that a damaged one would be read as another model.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.errors import WorkbenchError
from core.files import parse_json

CHECKSUMS = "sha256"
"""Key of the metadata: JSON of the key of a tensor or of the metadata → its SHA-256."""

DESCRIBED = ("network", "classes")
"""Keys of the metadata with a checksum."""


def checksums_of(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the SHA-256 of each tensor's bytes and of the described metadata, by key."""
    texts = {key: hashlib.sha256(metadata[key].encode()) for key in DESCRIBED if key in metadata}
    values = {key: hashlib.sha256(_bytes(value).data) for key, value in tensors.items()}
    return {key: digest.hexdigest() for key, digest in (texts | values).items()}


def verify_tensors(path: Path, tensors: object, metadata: Mapping[str, str]) -> str:
    """Compare the tensors of an exported file with its checksums.

    Args:
        path: The file, for error messages.
        tensors: Its content.
        metadata: Its metadata; other files than exports have no `network` there.

    Returns:
        Text that says how many tensors of an export have no checksum; "" if all have one.

    Raises:
        WorkbenchError: A tensor or a described text is another than was exported.
        ValueError: The checksums are no JSON.
    """
    if "network" not in metadata or not isinstance(tensors, dict):
        return ""
    expected = parse_json(metadata.get(CHECKSUMS, "{}"))
    actual = checksums_of(tensors, metadata)
    if not isinstance(expected, dict):
        raise ValueError("checksums are no object")
    changed = [key for key in actual if expected.get(key, actual[key]) != actual[key]]
    if changed:
        raise WorkbenchError(
            f"{path.name} is damaged: {changed[0][:80]} is not as it was exported.",
            "Copy the file again, or export the model again.",
        )
    missing = len(tensors.keys() - expected.keys())
    if not missing:
        return ""
    return f"{missing} of {len(tensors)} tensors have no checksum and were not verified"


def _bytes(tensor: Tensor) -> NDArray[np.uint8]:
    flat = tensor.detach().cpu().contiguous().flatten()
    values: NDArray[np.uint8] = flat.view(torch.uint8).numpy()
    return values
