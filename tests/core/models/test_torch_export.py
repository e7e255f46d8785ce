"""A model is exported with a script that loads it without this project."""

import json
import os
import runpy
import subprocess
import sys
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image
from safetensors import safe_open

from core.models.batches import load_square
from core.models.model import Model
from core.models.preprocessing import Preprocessing, normalized
from core.workspace import Workspace
from tests.factories.images import speckled
from tests.factories.networks import CLASSES, SIDE, unpacked_export

INPUT = Preprocessing(image_size=SIDE)
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


def photo(path: Path) -> Path:
    """Save a JPEG that lies on its side and is large enough to be decoded at a fraction."""
    image = speckled("red", seed=1, side=40).resize((410, 300))
    image.paste(speckled("blue", seed=2, side=90), (250, 30))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image.save(path, exif=exif)
    return path


def test_the_zip_describes_its_model(resnet: tuple[Workspace, Model], exported: Path) -> None:
    _, model = resnet
    assert {path.name for path in exported.iterdir()} == {
        "model.safetensors",
        "load_model.py",
        "README.txt",
    }
    with safe_open(exported / "model.safetensors", "pt") as file:
        metadata = file.metadata()
    assert json.loads(metadata["network"]) == json.loads(json.dumps(asdict(model.config)))
    assert json.loads(metadata["classes"]) == CLASSES
    assert (exported / "README.txt").read_text().startswith("some: a ResNet-18 that embeds images")


@pytest.mark.slow
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
    embeddings, probabilities = model.embed(load_square(tmp_path / "photo.jpg", INPUT)[None])
    np.testing.assert_allclose(found["embedding"], embeddings[0], atol=1e-5)
    assert list(found["probabilities"]) == CLASSES
    np.testing.assert_allclose(list(found["probabilities"].values()), probabilities[0], atol=1e-5)


@pytest.mark.slow
def test_the_script_of_each_backbone_gives_the_same_outputs(
    of_each: tuple[Workspace, Model], tmp_path: Path
) -> None:
    workspace, model = of_each
    script = runpy.run_path(str(unpacked_export(workspace, model, tmp_path) / "load_model.py"))
    network, classes = script["load"]()
    pixels = script["preprocess"](script["read"](photo(tmp_path / "photo.jpg")))[None]
    preprocessing = model.config.preprocessing
    square = load_square(tmp_path / "photo.jpg", preprocessing)
    expected = normalized(torch.from_numpy(square[None]), preprocessing)
    with torch.inference_mode():  # In float64: random weights amplify float32's rounding
        outputs = network.double()(pixels.double())
        embeddings, scores = deepcopy(model.network).double()(expected.double())
    assert classes == CLASSES
    for ours, theirs in zip(outputs, (embeddings, scores.softmax(dim=1)), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=0)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "CMYK"])
def test_the_script_reads_images_as_the_project_does(
    exported: Path, tmp_path: Path, mode: str
) -> None:
    image = speckled("green", seed=3, side=200).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    path = tmp_path / ("some.jpg" if mode == "CMYK" else "some.png")
    image.convert("RGB" if mode == "CMYK" else "RGBA").convert(mode).save(path)
    script = runpy.run_path(str(exported / "load_model.py"))
    ours = script["preprocess"](script["read"](path))
    expected = normalized(
        torch.from_numpy(load_square(path, INPUT)[None]),
        INPUT,
    )[0]
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=0)


@pytest.mark.slow
def test_a_model_without_classes_is_exported_with_its_script(
    unclassified: tuple[Workspace, Model], tmp_path: Path
) -> None:
    workspace, model = unclassified
    folder = unpacked_export(workspace, model, tmp_path)
    script = runpy.run_path(str(folder / "load_model.py"))
    network, classes = script["load"]()
    image = photo(tmp_path / "photo.jpg")
    with torch.inference_mode():
        embeddings, probabilities = network(script["preprocess"](script["read"](image))[None])
    expected, _ = model.embed(load_square(image, INPUT)[None])
    np.testing.assert_allclose(embeddings, expected, atol=1e-5)
    assert (classes, probabilities.shape) == ([], (1, 0))
    assert "that embeds images.\n" in (folder / "README.txt").read_text()
