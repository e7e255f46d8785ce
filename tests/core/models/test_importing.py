"""A model file is imported without being trusted."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.artifacts.folders import delete_artifact
from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.embeddings.embed import embed_dataset
from core.errors import MissingError, WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.lineage.graph import read_lineage
from core.models.backbone_weights import read_backbone
from core.models.importing import MAX_NAME_LENGTH, import_model
from core.models.model import Model, load_model
from core.progress import Progress, finish
from core.workspace import Workspace
from state.selection_rules import choose_dataset, validate
from state.session import Selection
from tests.factories.images import class_folders
from tests.factories.networks import CLASSES, noise_batch, unpacked_export
from tests.factories.weights import Hostile


def assert_same_outputs(one: Model, other: Model) -> None:
    for ours, theirs in zip(one.embed(noise_batch()), other.embed(noise_batch()), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@pytest.mark.slow
def test_a_model_without_classes_is_imported_as_the_same_model(
    unclassified: tuple[Workspace, Model], workspace: Workspace, tmp_path: Path
) -> None:
    folder = unpacked_export(*unclassified, tmp_path)
    manifest = finish(import_model(workspace, folder / "model.safetensors", "back"))
    assert manifest.summary["classes"] == []
    back = load_model(workspace, "back")
    assert back.config == unclassified[1].config
    assert_same_outputs(back, unclassified[1])


def as_checkpoint(exported: Path) -> dict[str, Any]:
    """Return the content of an exported file in the layout of a .pth."""
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


@pytest.mark.slow
def test_an_exported_file_is_imported_as_the_same_model(
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


@pytest.mark.slow
def test_a_file_without_the_pooling_setting_is_imported(
    resnet: tuple[Workspace, Model], exported: Path, workspace: Workspace, tmp_path: Path
) -> None:
    content = as_checkpoint(exported)
    assert content["network"].pop("pooling") == "own"
    finish(import_model(workspace, as_safetensors(content, tmp_path / "own.safetensors"), "back"))
    assert_same_outputs(load_model(workspace, "back"), resnet[1])


@pytest.mark.slow
@pytest.mark.parametrize("zipped", [True, False])
def test_a_checkpoint_is_imported_as_the_same_model(
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
        (
            {"backbone": "resnet9000"},
            "own.safetensors describes no network: backbone must be one of the list or a model of "
            "timm, got “resnet9000”.",
        ),
        (
            {"dimension": 4},
            "own.safetensors describes no network: dimension must be in 8..4096, got 4.",
        ),
        (
            {"pooling": "sum"},
            "own.safetensors describes no network: pooling must be one of own, average, max, gem, "
            "got sum.",
        ),
        (
            {"mean": [0.5, 0.5]},
            "own.safetensors describes no network: mean and deviation must be three numbers each, "
            "the deviation's above 0, got (0.5, 0.5) and (0.229, 0.224, 0.225).",
        ),
        ({"mean": [True, 0.5, 0.5]}, "own.safetensors has a mean that is not all numbers."),
        ({"dimension": "128"}, "own.safetensors has a dimension that is no int."),
        ({"num_classes": True}, "own.safetensors has a num_classes that is no int."),
        ({"num_classes": 4}, "own.safetensors has 3 classes and a network of 4."),
        ({"num_classes": 10**12}, "own.safetensors has 3 classes and a network of 1000000000000."),
        (
            {"color": "red"},
            "own.safetensors has settings of the network other than backbone, trainable_blocks, "
            "dimension, batch_norm, num_classes, image_size, pooling, mean, deviation, "
            "interpolation, fit, dropout.",
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
def test_invalid_classes_are_refused(
    exported: Path, workspace: Workspace, tmp_path: Path, classes: object, problem: str
) -> None:
    content = as_checkpoint(exported) | {"classes": classes}
    path = as_safetensors(content, tmp_path / "own.safetensors")
    assert problem_of(workspace, path) == f"own.safetensors has {problem}."


def changed(key: str, change: Callable[[Tensor], Tensor]) -> Callable[[dict[str, Tensor]], object]:
    return lambda weights: weights.update({key: change(weights[key])})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (
            changed("project.bias", lambda t: t.index_fill(0, torch.tensor(5), torch.inf)),
            "has unusable weights: project.bias is not finite",
        ),
        (
            changed("classifier.weight", lambda t: t.to(torch.int8)),
            "has unusable weights: classifier.weight is torch.int8 instead of floating point",
        ),
        (
            changed("classifier.weight", lambda t: t[:2].clone()),
            "does not fit the network it describes (resnet18): "
            "classifier.weight has shape (2, 128) instead of (3, 128)",
        ),
        (
            lambda weights: weights.update(more=torch.ones(1)),
            "does not fit the network it describes (resnet18): more is unexpected",
        ),
        (
            changed("project.weight", torch.zeros_like),
            "gives no usable embeddings: all images get the same one",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    exported: Path,
    workspace: Workspace,
    tmp_path: Path,
    damage: Callable[[dict[str, Tensor]], object],
    reason: str,
) -> None:
    content = as_checkpoint(exported)
    damage(content["weights"])
    path = as_safetensors(content, tmp_path / "own.safetensors")
    assert problem_of(workspace, path) == f"own.safetensors {reason}."


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
    name = f"{os.mkdir.__module__}.mkdir"
    assert problem_of(workspace, tmp_path / "own.pth") == (
        f"own.pth would run code ({name}); nothing of it was run."
    )
    assert not trace.exists()


@pytest.mark.parametrize("share", [0.0001, 0.5, 0.99999])
def test_a_truncated_file_is_refused(
    exported: Path, workspace: Workspace, tmp_path: Path, share: float
) -> None:
    content = as_checkpoint(exported)
    as_safetensors(content, tmp_path / "own.safetensors")
    torch.save(content, tmp_path / "own.pth")
    for name in ("own.safetensors", "own.pth"):
        path = tmp_path / name
        os.truncate(path, int(path.stat().st_size * share))
        assert problem_of(workspace, path) == f"{name} {UNREADABLE}"


def test_a_file_without_a_description_is_refused(
    exported: Path, workspace: Workspace, tmp_path: Path
) -> None:
    weights = as_checkpoint(exported)["weights"]
    save_file(weights, tmp_path / "own.safetensors")
    torch.save(weights, tmp_path / "own.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    for name in ("own.safetensors", "own.pth"):
        assert problem_of(workspace, tmp_path / name) == (
            f"{name} has weights, but does not say of which network and classes."
        )
    assert problem_of(workspace, tmp_path / "list.pth") == f"list.pth {UNREADABLE}"


def flipped(source: Path, target: Path, place: int) -> Path:
    """Copy a file with one bit flipped."""
    content = bytearray(source.read_bytes())
    content[place] ^= 1 << place % 8
    target.write_bytes(content)
    return target


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.75, 0.999999])
def test_a_flipped_bit_of_the_data_is_found(
    exported: Path, workspace: Workspace, tmp_path: Path, share: float
) -> None:
    source = exported / "model.safetensors"
    size = source.stat().st_size
    start = 8 + int.from_bytes(source.read_bytes()[:8], "little")
    place = start + int(share * (size - start))
    problem = problem_of(workspace, flipped(source, tmp_path / "own.safetensors", place))
    assert re.fullmatch(r"own\.safetensors is damaged: \S+ is not as it was exported\.", problem)
    with pytest.raises(WorkbenchError, match="is not as it was exported"):
        read_backbone(tmp_path / "own.safetensors", "resnet18")


@pytest.mark.slow
def test_no_flipped_bit_of_the_header_makes_another_model(
    resnet: tuple[Workspace, Model], exported: Path, workspace: Workspace, tmp_path: Path
) -> None:
    source = exported / "model.safetensors"
    length = 8 + int.from_bytes(source.read_bytes()[:8], "little")
    for place in range(8, length, length // 40):
        path = flipped(source, tmp_path / "own.safetensors", place)
        try:
            made = finish(import_model(workspace, path, "back"))
        except WorkbenchError:
            continue
        model = load_model(workspace, made.id)
        assert (model.config, list(model.classes)) == (resnet[1].config, CLASSES)
        assert_same_outputs(model, resnet[1])
        delete_artifact(workspace.models, made.id)


def test_changed_classes_are_found(exported: Path, workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    content = (exported / "model.safetensors").read_bytes()
    path.write_bytes(content.replace(b'\\"red\\"', b'\\"rad\\"', 1))
    assert problem_of(workspace, path) == (
        "own.safetensors is damaged: classes is not as it was exported."
    )


@pytest.mark.slow
@pytest.mark.parametrize("without", [["sha256"], ["project.bias"]])
def test_missing_checksums_are_said(
    exported: Path, workspace: Workspace, tmp_path: Path, without: list[str]
) -> None:
    with safe_open(exported / "model.safetensors", "pt") as file:
        metadata = file.metadata()
    weights = load_file(exported / "model.safetensors")
    checksums = json.loads(metadata.pop("sha256"))
    if without != ["sha256"]:
        kept = {key: value for key, value in checksums.items() if key not in without}
        metadata["sha256"] = json.dumps(kept)
    save_file(weights, tmp_path / "own.safetensors", metadata)
    notes = []
    work = import_model(workspace, tmp_path / "own.safetensors", "back")
    try:
        while True:
            event = next(work)
            notes += [event.note] if isinstance(event, Progress) else []
    except StopIteration as end:
        manifest = end.value
    missing = len(weights) if without == ["sha256"] else 1
    said = f"{missing} of {len(weights)} tensors have no checksum and were not verified"
    assert f"own.safetensors: {said}" in notes
    assert manifest.summary["not_verified"] == said


@pytest.mark.slow
def test_checksums_that_are_no_json_are_refused(
    exported: Path, workspace: Workspace, tmp_path: Path
) -> None:
    with safe_open(exported / "model.safetensors", "pt") as file:
        metadata = file.metadata()
    weights = load_file(exported / "model.safetensors")
    for checksums in ("[" * 100_000, "[]", "{"):
        path = tmp_path / "own.safetensors"
        save_file(weights, path, metadata | {"sha256": checksums})
        assert problem_of(workspace, path) == f"own.safetensors {UNREADABLE}"
    for key in ("network", "classes"):
        save_file(weights, path, {**metadata, "sha256": "{}", key: "[" * 100_000})
        assert problem_of(workspace, path) == f"own.safetensors {UNREADABLE}"


def test_invalid_names_are_refused(exported: Path, workspace: Workspace) -> None:
    path = exported / "model.safetensors"
    assert problem_of(workspace, path, "../out") == "“../out” cannot be used as a name."
    assert "pre-trained weights are kept there" in problem_of(workspace, path, "pretrained")
    with pytest.raises(MissingError, match="There is no file"):
        finish(import_model(workspace, exported / "nowhere.pth", "back"))


def test_a_long_name_leaves_room_for_longer_ids(exported: Path, workspace: Workspace) -> None:
    manifest = finish(import_model(workspace, exported / "model.safetensors", "a" * 80))
    assert manifest.id == "a" * MAX_NAME_LENGTH


@pytest.mark.slow
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


@pytest.mark.slow
def test_an_imported_model_is_selected_for_a_dataset_without_models(
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


@pytest.mark.slow
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
