"""A file that is no weights file is refused with a sentence that says what it is."""

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from core.errors import MissingError, WorkbenchError
from core.models import pickled_names
from core.models.backbone_weights import read_backbone
from core.models.file_kinds import WeightsFormat, recognize
from core.models.importing import import_model
from core.models.weights import read_safetensors
from core.progress import finish
from core.workspace import Workspace

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 46830571\n"


def zip_of(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"content")
    return buffer.getvalue()


def tar_of(name: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return buffer.getvalue()


def onnx() -> bytes:
    """Return the beginning of a model as torch exports it: IR version 8, by pytorch 2.13."""
    graph = b"\x0a\x04node" * 40
    return b"\x08\x08\x12\x07pytorch\x1a\x042.13:" + bytes([len(graph) | 0x80, 1]) + graph


def torchscript(folder: Path) -> bytes:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), str(folder / "script.pt"))
    return (folder / "script.pt").read_bytes()


def keras_zip() -> bytes:
    return zip_of("metadata.json", "config.json", "model.weights.h5")


def image() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    return buffer.getvalue()


def array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


def arrays() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, a=np.ones(3), b=np.ones(2))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty"),
        (LFS, "a Git LFS pointer in place of the file"),
        (b"<!DOCTYPE html>\n<html><body>404", "a web page"),
        (b"\xef\xbb\xbf\n\n<HTML lang=en><head>", "a web page"),
        (b"<!-- a comment -->\n<html>", "a web page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
        (b'{"error": "Entry not found"}', "JSON text"),
        (b'{\n  "metadata": {"total_size": 5}, "weight_map": {}}', "JSON text"),
        (b"404: Not Found", "a text file"),
        ("Déjà vu – nicht gefunden\r\n".encode(), "a text file"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "an HDF5 file, such as Keras saves"),
        (keras_zip(), "a Keras model"),
        (onnx(), "an ONNX file"),
        (zip_of("m/saved_model.pb", "m/variables/variables.index"), "a zip of a TensorFlow SavedM"),
        (b"\x08\x01\x12\x80\x01\x0a" + bytes(90), "a TensorFlow SavedModel"),
        (b"\n\x1c\n\x05input\x12\x0bPlaceholder" + bytes(90), "a TensorFlow graph"),
        (b"\x1c\0\0\0TFL3" + bytes(90), "a TensorFlow Lite model"),
        (gzip.compress(b"weights", mtime=0), "a compressed archive"),
        (tar_of("weights.pth"), "a tar archive"),
        (zip_of("weights.safetensors"), "a zip archive"),
        (image(), "an image"),
        (array(), "a NumPy array"),
        (arrays(), "an archive of NumPy arrays"),
        (b"GGUF\3\0\0\0" + bytes(90), "a GGUF file"),
        (pickle.dumps({"a": 1}, 2), "a plain Python pickle"),
        (pickle.dumps({"a": 1}), "a plain Python pickle"),
    ],
)
@pytest.mark.parametrize("name", ["some.pth", "some.safetensors"])
def test_what_a_file_is_is_said(
    tmp_path: Path, workspace: Workspace, content: bytes, what: str, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    read: tuple[Callable[[], object], ...] = (
        lambda: read_backbone(path, "resnet18"),
        lambda: finish(import_model(workspace, path, "some")),
    )
    for each in read:
        with pytest.raises(WorkbenchError) as caught:
            each()
        assert caught.value.problem.startswith(f"{name} is {what}")
        assert caught.value.problem.count(".") == 2  # One sentence, and the name's own
        assert caught.value.advice


def test_a_program_of_torch_is_refused(tmp_path: Path) -> None:
    (tmp_path / "some.pt").write_bytes(torchscript(tmp_path))
    with pytest.raises(WorkbenchError, match=r"some\.pt is a TorchScript program\. Save the netw"):
        read_backbone(tmp_path / "some.pt", "resnet18")


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.filterwarnings("ignore:.*source code")
def test_a_whole_pickled_model_is_refused_by_its_class(
    tmp_path: Path, zipped: bool, wrapped: bool
) -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    content = {"model": model, "epoch": 3} if wrapped else model
    torch.save(content, tmp_path / "some.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(WorkbenchError) as caught:
        read_backbone(tmp_path / "some.pth", "resnet18")
    assert caught.value.problem == (
        "some.pth is a whole pickled model (torch.nn.modules.container.Sequential), which only its "
        "own code can open."
    )
    assert caught.value.advice.startswith("Save the network's state_dict()")


def test_a_pickled_model_with_functions_of_python_is_refused_by_its_class(tmp_path: Path) -> None:
    torch.save({"model": nn.Linear(2, 2), "open": open}, tmp_path / "some.pth")
    with pytest.raises(
        WorkbenchError, match=r"pickled model \(torch\.nn\.modules\.linear\.Linear\)"
    ):
        read_backbone(tmp_path / "some.pth", "resnet18")


def test_an_endless_pickle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickled_names, "MAX_OPCODES", 1000)
    with zipfile.ZipFile(tmp_path / "some.pth", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + b"N0" * 1000 + b"}.")
        archive.writestr("archive/version", "3")
    with pytest.raises(WorkbenchError, match="cannot be read as weights"):
        read_backbone(tmp_path / "some.pth", "resnet18")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("net.onnx", "an ONNX file"),
        ("net.h5", "a Keras file"),
        ("model.ckpt.data-00000-of-00001", "a TensorFlow file"),
        ("flax_model.msgpack", "a Flax file"),
        ("net.caffemodel", "a Caffe file"),
    ],
)
def test_unknown_content_is_named_by_its_suffix(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / name).write_bytes(b"\x01\x00\xff\xfe" * 9)
    with pytest.raises(WorkbenchError) as caught:
        read_backbone(tmp_path / name, "resnet18")
    assert caught.value.problem == f"{name} is {what}."


def test_a_folder_and_a_missing_file_are_said(tmp_path: Path) -> None:
    (tmp_path / "saved_model").mkdir()
    with pytest.raises(WorkbenchError, match=r"saved_model is a folder\. Choose the weights file"):
        read_backbone(tmp_path / "saved_model", "resnet18")
    with pytest.raises(MissingError, match=r"There is no file .*nowhere\.pth"):
        read_backbone(tmp_path / "nowhere.pth", "resnet18")


@pytest.mark.parametrize("beginning", [b"\x08\x05\x12", b"\x1f\x8b", b"MZ"])
def test_a_header_whose_length_looks_like_another_kind_is_safetensors(
    tmp_path: Path, beginning: bytes
) -> None:
    length = int.from_bytes(beginning, "little")
    header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
    path = tmp_path / "some.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + header + bytes(4))
    assert recognize(path) == WeightsFormat.SAFETENSORS
    assert read_safetensors(path)[0].keys() == {"a"}
