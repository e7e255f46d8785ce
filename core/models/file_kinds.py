"""Kinds of files that are given as weights, told by their first bytes or by a zip's directory."""

import re
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from core.errors import MissingError, WorkbenchError

HEAD_BYTES = 1024

FOR_PYTORCH = "Use the same network's weights for PyTorch: a .pth or .safetensors file."
SAVE_STATE_DICT = "Save the network's state_dict() with torch.save, or as safetensors."
DOWNLOAD = "Download the weights file itself."
UNPACK = "Unpack it, and choose the weights file in it."

TORCH_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"
"""First number in a file that torch.save wrote before release 1.6, as a pickle has it."""


class WeightsFormat(StrEnum):
    """Format of a file that may hold weights."""

    SAFETENSORS = "safetensors"
    TORCH_ZIP = "torch zip"
    TORCH_PICKLE = "torch pickle"
    """Of torch before release 1.6."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file that holds no weights for PyTorch."""

    what: str
    advice: str


HEADS = {
    rb"version https://git-lfs": Kind(
        "a Git LFS pointer in place of the file",
        "Run `git lfs pull` in its repository, or download the file itself.",
    ),
    rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|meta|script|title)": Kind(
        "a web page", DOWNLOAD
    ),
    rb"(\xef\xbb\xbf)?\s*<(\?xml|[a-z]+[\s>])": Kind("an XML document", DOWNLOAD),
    rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\"\[\]{\d])": Kind("JSON text", DOWNLOAD),
    rb"\x89HDF\r\n\x1a\n": Kind("an HDF5 file, such as Keras saves", FOR_PYTORCH),
    rb"\x08\x01\x12": Kind("a TensorFlow SavedModel", FOR_PYTORCH),
    rb"\x08[\x02-\x40][\x12\x1a\x22\x28\x32\x3a\x42]": Kind("an ONNX file", FOR_PYTORCH),
    rb"\n[\x01-\x7f]\n[\x01-\x7f][ -~]": Kind("a TensorFlow graph", FOR_PYTORCH),
    rb"....TFL3": Kind("a TensorFlow Lite model", FOR_PYTORCH),
    rb"\x93NUMPY": Kind("a NumPy array", SAVE_STATE_DICT),
    rb"GGUF": Kind("a GGUF file", FOR_PYTORCH),
    rb"MATLAB \d": Kind("a MATLAB file", FOR_PYTORCH),
    rb"\x1f\x8b|BZh\d|\xfd7zXZ\0|\x28\xb5\x2f\xfd|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07": Kind(
        "a compressed archive", UNPACK
    ),
    rb".{257}ustar": Kind("a tar archive", UNPACK),
    rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP": Kind("an image", DOWNLOAD),
    rb"%PDF-": Kind("a PDF document", DOWNLOAD),
    rb"\x7fELF|MZ": Kind("a program", DOWNLOAD),
}
"""Pattern of a file's first bytes → its kind; the first that matches counts."""

SUFFIXES = {
    (".onnx",): Kind("an ONNX file", FOR_PYTORCH),
    (".h5", ".hdf5", ".keras"): Kind("a Keras file", FOR_PYTORCH),
    (".pb", ".pbtxt", ".index", ".meta", ".tflite"): Kind("a TensorFlow file", FOR_PYTORCH),
    (".msgpack",): Kind("a Flax file", FOR_PYTORCH),
    (".pdparams", ".pdiparams", ".pdmodel"): Kind("a PaddlePaddle file", FOR_PYTORCH),
    (".mlmodel",): Kind("a Core ML file", FOR_PYTORCH),
    (".caffemodel",): Kind("a Caffe file", FOR_PYTORCH),
    (".params",): Kind("an MXNet file", FOR_PYTORCH),
    (".engine", ".plan", ".trt"): Kind("a TensorRT engine", FOR_PYTORCH),
}
"""Suffixes of formats without a fixed beginning, by which unknown content is named."""

TENSORFLOW_PART = re.compile(r".*\.data-\d{5}-of-\d{5}")

PICKLE = Kind("a plain Python pickle", SAVE_STATE_DICT)
TEXT = Kind("a text file", DOWNLOAD)
TORCHSCRIPT = Kind("a TorchScript program", SAVE_STATE_DICT)


def recognize(path: Path) -> WeightsFormat:
    """Return the format of a weights file by its content, whatever its suffix.

    Content of no known kind is taken for `TORCH_PICKLE`, whose reader then refuses it.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It is a file of another kind, which the message names.
        OSError: It cannot be read.
    """
    if path.is_dir():
        raise WorkbenchError(f"{path.name} is a folder.", "Choose the weights file in it.")
    if not path.is_file():
        raise MissingError(f"There is no file {path}.", "Check the path and try again.")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise WorkbenchError(f"{path.name} is empty.", "Download or copy it again.")
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= path.stat().st_size:
        return WeightsFormat.SAFETENSORS
    if zipfile.is_zipfile(path):
        if kind := _kind_of_zip(path):
            raise _refused(path, kind)
        return WeightsFormat.TORCH_ZIP
    if TORCH_MAGIC not in head[:32] and (kind := _kind_of(path, head)):
        raise _refused(path, kind)
    return WeightsFormat.TORCH_PICKLE


def _refused(path: Path, kind: Kind) -> WorkbenchError:
    return WorkbenchError(f"{path.name} is {kind.what}.", kind.advice)


def _kind_of(path: Path, head: bytes) -> Kind | None:
    """Return what a file is that is no weights file, None if it is unknown."""
    for pattern, kind in HEADS.items():
        if re.match(pattern, head, re.DOTALL | re.IGNORECASE):
            return kind
    if re.match(rb"\x80[\x01-\x05]", head):
        return PICKLE
    if TENSORFLOW_PART.fullmatch(path.name):
        return SUFFIXES[".pb", ".pbtxt", ".index", ".meta", ".tflite"]
    for suffixes, kind in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return kind
    return TEXT if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    text = head.decode("utf-8", errors="ignore")  # The last character may be cut
    return len(text.encode()) > len(head) - 4 and all(c.isprintable() or c.isspace() for c in text)


def _kind_of_zip(path: Path) -> Kind | None:
    """Return what a zip is that torch.save did not write, None if it is or cannot be listed."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {PurePosixPath(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return None
    parts = {part for name in names for part in name.parts}
    if _is_in_root(names, "constants.pkl"):
        return TORCHSCRIPT
    if _is_in_root(names, "data.pkl"):
        return None
    if parts & {"saved_model.pb", "saved_model.pbtxt"}:
        return Kind("a zip of a TensorFlow SavedModel", FOR_PYTORCH)
    if "model.weights.h5" in parts:
        return Kind("a Keras model", FOR_PYTORCH)
    if parts & {"serialized_exported_program.json", "archive_format", "MAR-INF"}:
        return Kind("a packed PyTorch program", SAVE_STATE_DICT)
    if names and all(name.suffix == ".npy" for name in names):
        return Kind("an archive of NumPy arrays", SAVE_STATE_DICT)
    return Kind("a zip archive", UNPACK)


def _is_in_root(names: Collection[PurePosixPath], file: str) -> bool:
    """Return whether a zip has this file in its only folder, where torch puts it."""
    return any(name.name == file and len(name.parts) <= 2 for name in names)
