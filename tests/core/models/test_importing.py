"""Trained models leave the workspace for torch and ONNX, and come back without being trusted."""

import json
import os
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.artifacts.folders import delete_artifact
from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.embeddings.files import embed_dataset
from core.errors import MissingError, WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.lineage.graph import read_lineage
from core.models import onnx_export
from core.models.backbones import BACKBONES
from core.models.batches import load_square
from core.models.exports import ModelFormat, exported_file
from core.models.importing import MAX_NAME_LENGTH, import_model
from core.models.model import Model, load_model
from core.models.onnx_export import export_onnx
from core.models.preprocessing import normalized
from core.models.torch_export import export_torch
from core.progress import finish
from core.workspace import Workspace
from state.selection_rules import choose_dataset, validate
from state.session import Selection
from tests.factories.images import class_folders, speckled
from tests.factories.networks import CLASSES, SIDE, publish_network

WRAPPER = """
import runpy, sys, torch
library = torch.library.Library("torchvision", "FRAGMENT")
for name in ("nms", "qnms"):
    if not hasattr(torch.ops.torchvision, name):
        library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
assert not {"core", "state"} & set(sys.modules)
"""
"""Runs a script where torchvision's own operators cannot be loaded, see `vision.py`."""

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module", params=list(BACKBONES))
def of_each(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Model]:
    """A model of each backbone, in a workspace of its own."""
    torch.manual_seed(0)
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    return workspace, publish_network(workspace, backbone=request.param)


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Model]:
    torch.manual_seed(0)
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    model = publish_network(workspace, backbone="resnet18", batch_norm=False, trainable_blocks=2)
    return workspace, model


@pytest.fixture(scope="module")
def exported(resnet: tuple[Workspace, Model], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the zip of an export has in it."""
    return unpacked(*resnet, tmp_path_factory.mktemp("unpacked"))


def unpacked(workspace: Workspace, model: Model, folder: Path) -> Path:
    with zipfile.ZipFile(finish(export_torch(workspace, model.id))) as archive:
        archive.extractall(folder)
    return folder


def noise(seed: int = 0) -> NDArray[np.uint8]:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 255, (2, 3, SIDE, SIDE), dtype=np.uint8)


def photo(path: Path) -> Path:
    """Save a JPEG that lies on its side and is large enough to be decoded at a fraction."""
    image = speckled("red", seed=1, side=40).resize((410, 300))
    image.paste(speckled("blue", seed=2, side=90), (250, 30))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image.save(path, exif=exif)
    return path


def assert_same_outputs(one: Model, other: Model) -> None:
    for ours, theirs in zip(one.embed(noise()), other.embed(noise()), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


# To torch


def test_the_zip_says_what_it_is(resnet: tuple[Workspace, Model], exported: Path) -> None:
    _, model = resnet
    assert {path.name for path in exported.iterdir()} == {
        "model.safetensors",
        "load_model.py",
        "README.txt",
    }
    with safe_open(exported / "model.safetensors", "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["network"]) == asdict(model.config)
    assert json.loads(metadata["classes"]) == CLASSES
    assert (exported / "README.txt").read_text().startswith("some: a ResNet-18 that embeds images")


def test_the_script_alone_embeds_an_image_as_the_project_does(
    resnet: tuple[Workspace, Model], exported: Path, tmp_path: Path
) -> None:
    _, model = resnet
    (tmp_path / "wrapper.py").write_text(WRAPPER)
    ended = subprocess.run(
        [
            *(sys.executable, "wrapper.py", str(exported / "load_model.py")),
            str(photo(tmp_path / "photo.jpg")),
        ],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    embeddings, probabilities = model.embed(load_square(tmp_path / "photo.jpg", SIDE)[None])
    np.testing.assert_allclose(found["embedding"], embeddings[0], atol=1e-5)
    assert list(found["probabilities"]) == CLASSES
    np.testing.assert_allclose(list(found["probabilities"].values()), probabilities[0], atol=1e-5)


def test_the_script_of_each_backbone_gives_the_same_outputs(
    of_each: tuple[Workspace, Model], tmp_path: Path
) -> None:
    workspace, model = of_each
    script = runpy.run_path(str(unpacked(workspace, model, tmp_path) / "load_model.py"))
    network, classes = script["load"]()
    pixels = script["preprocess"](script["read"](photo(tmp_path / "photo.jpg")))[None]
    expected = normalized(torch.from_numpy(load_square(tmp_path / "photo.jpg", SIDE)[None]))
    with torch.inference_mode():  # In float64: random weights make much of how float32 is rounded
        outputs = network.double()(pixels.double())
        embeddings, scores = deepcopy(model.network).double()(expected.double())
    assert classes == CLASSES
    for ours, theirs in zip(outputs, (embeddings, scores.softmax(dim=1)), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "CMYK"])
def test_the_script_reads_pictures_as_the_project_does(
    exported: Path, tmp_path: Path, mode: str
) -> None:
    picture = speckled("green", seed=3, side=200).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    picture.convert("RGB" if mode == "CMYK" else "RGBA").convert(mode).save(path)
    script = runpy.run_path(str(exported / "load_model.py"))
    ours = script["preprocess"](script["read"](path))
    expected = normalized(torch.from_numpy(load_square(path, SIDE)[None]))[0]
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)


@pytest.fixture(
    scope="module", params=[("vgg16_bn", "gem"), ("resnet18", "max"), ("vgg16", "average")]
)
def unclassified(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Workspace, Model]:
    """A model of each other pooling, which knows no classes."""
    torch.manual_seed(0)
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    backbone, pooling = request.param
    return workspace, publish_network(workspace, classes=[], backbone=backbone, pooling=pooling)


def test_a_model_without_classes_is_exported_with_its_script(
    unclassified: tuple[Workspace, Model], tmp_path: Path
) -> None:
    workspace, model = unclassified
    folder = unpacked(workspace, model, tmp_path)
    script = runpy.run_path(str(folder / "load_model.py"))
    network, classes = script["load"]()
    picture = photo(tmp_path / "photo.jpg")
    with torch.inference_mode():
        embeddings, probabilities = network(script["preprocess"](script["read"](picture))[None])
    expected, _ = model.embed(load_square(picture, SIDE)[None])
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)
    assert (classes, probabilities.shape) == ([], (1, 0))
    assert "that embeds images.\n" in (folder / "README.txt").read_text()


def test_a_model_without_classes_comes_back_as_the_same_model(
    unclassified: tuple[Workspace, Model], workspace: Workspace, tmp_path: Path
) -> None:
    folder = unpacked(*unclassified, tmp_path)
    manifest = finish(import_model(workspace, folder / "model.safetensors", "back"))
    assert manifest.summary["classes"] == []
    back = load_model(workspace, "back")
    assert back.config == unclassified[1].config
    assert_same_outputs(back, unclassified[1])


# To ONNX


@pytest.mark.filterwarnings("error")
def test_onnx_of_a_model_without_classes_gives_embeddings_alone(
    unclassified: tuple[Workspace, Model],
) -> None:
    workspace, model = unclassified
    file = finish(export_onnx(workspace, model.id))
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    pixels = normalized(torch.from_numpy(noise())).numpy()
    [embeddings] = session.run(None, {"pixels": pixels})
    np.testing.assert_allclose(embeddings, model.embed(noise())[0], atol=1e-4)
    assert abs(embeddings[0] - embeddings[1]).max() > 1e-3


def test_onnx_of_each_backbone_gives_the_same_outputs(of_each: tuple[Workspace, Model]) -> None:
    workspace, model = of_each
    file = finish(export_onnx(workspace, model.id))
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    pixels = normalized(torch.from_numpy(noise())).numpy()
    outputs = session.run(["embeddings", "probabilities"], {"pixels": pixels})
    for ours, theirs in zip(outputs, model.embed(noise()), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert abs(outputs[0][0] - outputs[0][1]).max() > 1e-3  # Or any two networks would be alike


def test_onnx_says_what_it_wants_and_gives(resnet: tuple[Workspace, Model]) -> None:
    workspace, model = resnet
    file = finish(export_onnx(workspace, model.id))
    assert file.name == "some.onnx"
    content = onnx.load(file)
    facts = {entry.key: json.loads(entry.value) for entry in content.metadata_props}
    assert facts == {
        "model": "some",
        "image_size": SIDE,
        "mean": [0.485, 0.456, 0.406],
        "deviation": [0.229, 0.224, 0.225],
        "classes": CLASSES,
    }
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    shapes = {put.name: put.shape for put in [*session.get_inputs(), *session.get_outputs()]}
    assert shapes == {
        "pixels": ["batch", 3, SIDE, SIDE],
        "embeddings": ["batch", 128],
        "probabilities": ["batch", 3],
    }


@pytest.mark.filterwarnings("error")
def test_onnx_is_written_without_a_warning(resnet: tuple[Workspace, Model]) -> None:
    workspace, model = resnet
    assert finish(export_onnx(workspace, model.id)).is_file()


def test_onnx_of_other_numbers_is_not_kept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = publish_network(workspace, backbone="resnet18")
    monkeypatch.setattr(onnx_export, "MAX_DIFFERENCE", -1.0)  # In place of a faulty operator
    with pytest.raises(WorkbenchError, match="The embeddings of some differ by .* in ONNX"):
        finish(export_onnx(workspace, model.id))
    assert exported_file(workspace, model.id, ModelFormat.ONNX) is None
    assert list(workspace.exports.iterdir()) == []


# Which exports there are


def test_an_export_is_found_until_its_model_is_another(workspace: Workspace) -> None:
    publish_network(workspace, backbone="resnet18")
    assert exported_file(workspace, "some", ModelFormat.TORCH) is None
    path = finish(export_torch(workspace, "some"))
    assert exported_file(workspace, "some", ModelFormat.TORCH) == path
    assert exported_file(workspace, "some", ModelFormat.ONNX) is None
    assert finish(export_torch(workspace, "some")) == path

    delete_artifact(workspace.models, "some")
    with pytest.raises(MissingError):
        exported_file(workspace, "some", ModelFormat.TORCH)
    assert publish_network(workspace, backbone="resnet18").id == "some"
    assert exported_file(workspace, "some", ModelFormat.TORCH) is None
    finish(export_torch(workspace, "some"))
    assert not path.exists()


# Back


def as_checkpoint(exported: Path) -> dict[str, Any]:
    """What an exported file has, as a .pth has it."""
    with safe_open(exported / "model.safetensors", "pt") as file:
        described = {key: json.loads(value) for key, value in file.metadata().items()}
    return {**described, "weights": load_file(exported / "model.safetensors")}


def as_safetensors(content: dict[str, Any], path: Path) -> Path:
    described = {key: json.dumps(content[key]) for key in ("network", "classes")}
    save_file(content["weights"], path, described)
    return path


def problem_of(workspace: Workspace, path: Path, name: str = "back") -> str:
    with pytest.raises(WorkbenchError) as caught:
        finish(import_model(workspace, path, name))
    assert not workspace.models.exists() or list(workspace.models.iterdir()) == []
    return caught.value.problem


def test_an_exported_file_comes_back_as_the_same_model(
    resnet: tuple[Workspace, Model], exported: Path, workspace: Workspace
) -> None:
    manifest = finish(import_model(workspace, exported / "model.safetensors", "back"))
    model = load_model(workspace, "back")
    assert_same_outputs(model, resnet[1])
    assert (model.config, list(model.classes)) == (resnet[1].config, CLASSES)
    assert manifest.made_from == {"dataset": "", "dataset_fingerprint": ""}
    assert manifest.summary == {
        "classes": CLASSES,
        "best_epoch": 0,
        "epochs_trained": 0,
        "num_train": 0,
        "num_validation": 0,
        "num_problems": 0,
        "imported_from": "model.safetensors",
    }
    again = finish(import_model(workspace, exported / "model.safetensors", "back"))
    assert again.id == "back-2"


def test_a_file_from_before_poolings_could_be_chosen_comes_in(
    resnet: tuple[Workspace, Model], exported: Path, workspace: Workspace, tmp_path: Path
) -> None:
    content = as_checkpoint(exported)
    assert content["network"].pop("pooling") == "own"
    finish(import_model(workspace, as_safetensors(content, tmp_path / "own.safetensors"), "back"))
    assert_same_outputs(load_model(workspace, "back"), resnet[1])


@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_comes_in_as_the_same_model(
    resnet: tuple[Workspace, Model],
    exported: Path,
    workspace: Workspace,
    tmp_path: Path,
    zipped: bool,
) -> None:
    path = tmp_path / "own.pth"
    torch.save(as_checkpoint(exported), path, _use_new_zipfile_serialization=zipped)
    finish(import_model(workspace, path, "back"))
    assert_same_outputs(load_model(workspace, "back"), resnet[1])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"backbone": "resnet50"},
            "own.safetensors does not fit the network it describes (resnet50): "
            "frozen.layer1.0.conv1.weight has shape (64, 64, 3, 3) instead of (64, 64, 1, 1), "
            "frozen.layer1.0.conv3.weight is missing, frozen.layer1.0.bn3.weight is missing.",
        ),
        (
            {"batch_norm": True},
            "own.safetensors does not fit the network it describes (resnet18): "
            "normalize.weight is missing, normalize.bias is missing, "
            "normalize.running_mean is missing.",
        ),
        ({"backbone": "resnet9000"}, "There is no backbone “resnet9000”."),
        (
            {"dimension": 4},
            "own.safetensors describes no network: dimension must be in 8..4096, got 4.",
        ),
        (
            {"pooling": "sum"},
            "own.safetensors describes no network: pooling must be one of own, average, max, gem, "
            "got sum.",
        ),
        ({"dimension": "128"}, "own.safetensors has a dimension that is no int."),
        ({"num_classes": True}, "own.safetensors has a num_classes that is no int."),
        ({"num_classes": 4}, "own.safetensors has 3 classes and a network of 4."),
        ({"num_classes": 10**12}, "own.safetensors has 3 classes and a network of 1000000000000."),
        (
            {"color": "red"},
            "own.safetensors has settings of the network other than backbone, trainable_blocks, "
            "dimension, batch_norm, num_classes, image_size, pooling.",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    exported: Path, workspace: Workspace, tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    content = as_checkpoint(exported)
    content["network"] |= change
    path = as_safetensors(content, tmp_path / "own.safetensors")
    assert problem_of(workspace, path) == problem


@pytest.mark.parametrize(
    ("classes", "problem"),
    [
        (["red", "blue"], "2 classes and a network of 3"),
        (["red", "blue", "red"], "two classes of one name"),
        (["red", "blue", ""], "classes that are not all names"),
        (["red", "blue", 3], "classes that are not all names"),
        (["red", "blue", "\ud800"], "classes that are not all names"),
        ("red", "classes that are not all names"),
        (None, "classes that are not all names"),
    ],
)
def test_classes_that_are_none_are_refused(
    exported: Path, workspace: Workspace, tmp_path: Path, classes: object, problem: str
) -> None:
    content = as_checkpoint(exported) | {"classes": classes}
    path = as_safetensors(content, tmp_path / "own.safetensors")
    assert problem_of(workspace, path) == f"own.safetensors has {problem}."


def spoilt(key: str, change: Callable[[Tensor], Tensor]) -> Callable[[dict[str, Tensor]], object]:
    return lambda weights: weights.update({key: change(weights[key])})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (
            spoilt("project.bias", lambda t: t.index_fill(0, torch.tensor(5), torch.inf)),
            "has unusable weights: project.bias is not finite",
        ),
        (
            spoilt("classifier.weight", lambda t: t.to(torch.int8)),
            "has unusable weights: classifier.weight is torch.int8 instead of floating point",
        ),
        (
            spoilt("classifier.weight", lambda t: t[:2].clone()),
            "does not fit the network it describes (resnet18): "
            "classifier.weight has shape (2, 128) instead of (3, 128)",
        ),
        (
            lambda weights: weights.update(more=torch.ones(1)),
            "does not fit the network it describes (resnet18): more is unexpected",
        ),
        (
            spoilt("project.weight", torch.zeros_like),
            "gives no usable embeddings: all images get the same one",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    exported: Path,
    workspace: Workspace,
    tmp_path: Path,
    spoil: Callable[[dict[str, Tensor]], object],
    reason: str,
) -> None:
    content = as_checkpoint(exported)
    spoil(content["weights"])
    path = as_safetensors(content, tmp_path / "own.safetensors")
    assert problem_of(workspace, path) == f"own.safetensors {reason}."


class Hostile:
    """Creates a file when it is unpickled by a reader that trusts it."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


UNREADABLE = (
    "cannot be read as a model: it is damaged, or does not say its network, classes and weights."
)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_hostile_checkpoint_is_refused_and_not_executed(
    exported: Path, workspace: Workspace, tmp_path: Path, zipped: bool
) -> None:
    trace = tmp_path / "executed"
    content = as_checkpoint(exported) | {"classes": [Hostile(trace)]}
    torch.save(content, tmp_path / "own.pth", _use_new_zipfile_serialization=zipped)
    assert problem_of(workspace, tmp_path / "own.pth") == f"own.pth {UNREADABLE}"
    assert not trace.exists()


@pytest.mark.parametrize("share", [0.0, 0.0001, 0.5, 0.99999])
def test_a_file_that_was_cut_off_is_refused(
    exported: Path, workspace: Workspace, tmp_path: Path, share: float
) -> None:
    content = as_checkpoint(exported)
    as_safetensors(content, tmp_path / "own.safetensors")
    torch.save(content, tmp_path / "own.pth")
    for name in ("own.safetensors", "own.pth"):
        path = tmp_path / name
        os.truncate(path, int(path.stat().st_size * share))
        assert problem_of(workspace, path) == f"{name} {UNREADABLE}"


def test_a_file_that_does_not_describe_itself_is_refused(
    exported: Path, workspace: Workspace, tmp_path: Path
) -> None:
    weights = as_checkpoint(exported)["weights"]
    save_file(weights, tmp_path / "own.safetensors")
    torch.save(weights, tmp_path / "own.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("own.safetensors", "own.pth", "list.pth"):
        assert problem_of(workspace, tmp_path / name) == f"{name} {UNREADABLE}"


def test_names_that_cannot_be_are_refused(exported: Path, workspace: Workspace) -> None:
    path = exported / "model.safetensors"
    assert problem_of(workspace, path, "../out") == "“../out” cannot be used as a name."
    assert "pre-trained weights are kept there" in problem_of(workspace, path, "pretrained")
    with pytest.raises(MissingError, match="There is no file"):
        finish(import_model(workspace, exported / "nowhere.pth", "back"))


def test_a_long_name_leaves_room_for_what_is_made_of_the_model(
    exported: Path, workspace: Workspace
) -> None:
    manifest = finish(import_model(workspace, exported / "model.safetensors", "a" * 80))
    assert manifest.id == "a" * MAX_NAME_LENGTH


# An imported model among the others


def test_an_imported_model_belongs_to_no_dataset_and_is_never_stale(
    exported: Path, workspace: Workspace, tmp_path: Path
) -> None:
    source = Source(root=class_folders(tmp_path / "in", red=2, blue=2))
    finish(add_folder(workspace, "colors", source, SplitConfig()))
    model = finish(import_model(workspace, exported / "model.safetensors", "back"))
    lineage = read_lineage(workspace)
    assert lineage.models == lineage.imported == [model]
    assert lineage.stale_reason(model) == ""
    assert lineage.models_of("colors") == lineage.dependents_of("colors") == []


def test_an_imported_model_is_chosen_where_a_dataset_has_none_of_its_own(
    exported: Path, workspace: Workspace, tmp_path: Path
) -> None:
    finish(import_model(workspace, exported / "model.safetensors", "back"))
    chosen = Selection()
    validate(chosen, read_lineage(workspace))
    assert (chosen.dataset, chosen.model, chosen.index) == (None, "back", None)
    source = Source(root=class_folders(tmp_path / "in", red=2, blue=2))
    finish(add_folder(workspace, "others", source, SplitConfig()))
    choose_dataset(chosen, "others", read_lineage(workspace))
    assert (chosen.dataset, chosen.model, chosen.index) == ("others", "back", None)
    delete_artifact(workspace.models, "back")
    validate(chosen, read_lineage(workspace))
    assert chosen.model is None


def test_a_dataset_is_embedded_and_indexed_with_an_imported_model(
    exported: Path, workspace: Workspace, tmp_path: Path
) -> None:
    source = Source(root=class_folders(tmp_path / "in", red=2, blue=2))
    finish(add_folder(workspace, "colors", source, SplitConfig()))
    finish(import_model(workspace, exported / "model.safetensors", "back"))
    embeddings = finish(embed_dataset(workspace, "colors", "back"))
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    lineage = read_lineage(workspace)
    assert embeddings.id == "colors-by-back"
    assert lineage.stale_reason(index) == ""
    chosen = Selection()
    validate(chosen, lineage)
    assert (chosen.dataset, chosen.model, chosen.index) == ("colors", "back", index.id)


# As a command


def test_both_verbs_say_what_they_made(resnet: tuple[Workspace, Model], tmp_path: Path) -> None:
    workspace, _ = resnet

    def run(*arguments: str) -> dict[str, Any]:
        ended = subprocess.run(
            [sys.executable, "-m", "core", *arguments, "--json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert "Warning" not in ended.stderr
        content = json.loads(ended.stdout)
        assert isinstance(content, dict)
        return content

    made = {}
    for model_format in ModelFormat:
        options = ("--format", model_format, "--home", str(workspace.home))
        made[model_format] = run("export-model", "--model", "some", *options)
        path = Path(made[model_format]["path"])
        assert path == exported_file(workspace, "some", model_format)
        assert made[model_format]["size_bytes"] == path.stat().st_size
    with zipfile.ZipFile(made[ModelFormat.TORCH]["path"]) as archive:
        file = archive.extract("model.safetensors", tmp_path)
    brought_in = run("import-model", file, "--name", "back", "--home", str(tmp_path))
    assert (brought_in["id"], brought_in["classes"]) == ("back", CLASSES)
