"""ImageNet weights are downloaded as torchvision publishes them."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.errors import DownloadError
from core.models import vision
from core.models.backbone import Backbone
from core.models.backbone_weights import read_backbone
from core.models.backbones import BACKBONES
from core.models.pretrained import TORCHVISION, fetch_weights, has_weights, weights_file
from core.progress import Progress, finish
from core.workspace import Workspace
from tests.factories.weights import Tensors, assert_same_tensors, torchvision_layout
from tests.support.local_server import LocalServer, serve


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch's own cache, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def server(
    vgg16: Tensors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LocalServer]:
    """A mirror with a weights file whose name ends in its SHA-256, as torchvision's."""
    torch.save(torchvision_layout(vgg16), tmp_path / "served.pth")
    content = (tmp_path / "served.pth").read_bytes()
    name = f"vgg16-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    monkeypatch.setitem(BACKBONES, "vgg16", replace(BACKBONES["vgg16"], weights_file=name))
    with serve(**{f"mirror/{name}": content}) as server:
        monkeypatch.setenv("WORKBENCH_WEIGHTS_URL", f"{server.url}/mirror/")
        yield server


@pytest.mark.parametrize(
    "backbone", [each for each in BACKBONES.values() if not each.timm_name], ids=lambda b: b.name
)
def test_addresses_and_sizes_are_torchvisions_own(backbone: Backbone) -> None:
    weights = vision.models.get_model_weights(backbone.name)["IMAGENET1K_V1"]
    assert weights.url == f"{TORCHVISION}/{backbone.weights_file}"
    assert round(weights.meta["_file_size"]) == backbone.weights_mb


def test_file_names_are_torchvisions(workspace: Workspace) -> None:
    assert weights_file(workspace, "vgg16") == workspace.weights / "vgg16-397923af.pth"
    assert weights_file(workspace, "vgg16_bn") == workspace.weights / "vgg16_bn-6c64b313.pth"
    assert not has_weights(workspace, "vgg16")


@pytest.mark.slow
def test_weights_are_downloaded_once_with_progress_and_can_be_read(
    server: LocalServer, workspace: Workspace, vgg16: Tensors
) -> None:
    steps = list(fetch_weights(workspace, "vgg16"))
    path = weights_file(workspace, "vgg16")
    assert path.parent == workspace.weights
    assert has_weights(workspace, "vgg16")
    downloading = [step for step in steps if isinstance(step, Progress) and step.total > 0]
    assert downloading[-1].fraction == 1
    assert_same_tensors(read_backbone(path, "vgg16"), vgg16)
    assert finish(fetch_weights(workspace, "vgg16")) == path
    assert len(server.asked) == 1


@pytest.mark.slow
def test_weights_in_torchs_own_cache_are_used(
    server: LocalServer, workspace: Workspace, no_hub: Path
) -> None:
    [(name, content)] = server.files.items()
    no_hub.mkdir(parents=True)
    cached = no_hub / Path(name).name
    cached.write_bytes(content)
    assert has_weights(workspace, "vgg16")
    assert finish(fetch_weights(workspace, "vgg16")) == cached
    cached.write_bytes(content[:-1])
    assert finish(fetch_weights(workspace, "vgg16")).parent == workspace.weights


def test_a_download_with_a_wrong_checksum_is_not_kept(
    server: LocalServer, workspace: Workspace
) -> None:
    [name] = server.files
    server.files[name] = b"<html>Please log in</html>"
    with pytest.raises(DownloadError, match="its checksum is not the published one"):
        finish(fetch_weights(workspace, "vgg16"))
    assert not has_weights(workspace, "vgg16")
