"""Transfers to and from a graphics card while it computes; they need one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from core.models.batches import decode_batches, load_square
from core.models.devices import choose_device
from core.models.preprocessing import Preprocessing
from core.workspace import Workspace
from tests.factories.images import class_folders
from tests.factories.networks import publish_network

INPUT = Preprocessing(image_size=37)

SIDE = 64
needs_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics card here")


def noise(count: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, SIDE, SIDE), np.uint8)


def keep_busy() -> None:
    """Queue a second of work on the card."""
    values = torch.ones(8192, 8192, device="cuda")
    for _ in range(40):
        values = values @ values


@needs_card
def test_an_uploaded_array_may_be_changed_at_once() -> None:
    device, values = choose_device(), noise(64)
    copy = values.copy()
    keep_busy()
    uploaded = device.upload(values)
    values[:] = 0
    np.testing.assert_array_equal(uploaded.cpu().numpy(), copy)


@needs_card
def test_pinned_memory_is_not_copied_and_not_pinned_twice() -> None:
    device, values = choose_device(), noise(64)
    assert device.pin(values)
    assert torch.from_numpy(values).is_pinned()
    assert not device.pin(values)
    np.testing.assert_array_equal(device.upload(values).cpu().numpy(), values)  # CUDA goes on
    device.unpin(values)
    assert not torch.from_numpy(values).is_pinned()
    assert device.pin(values)
    device.unpin(values)


@needs_card
def test_processes_decode_into_pinned_memory(tmp_path: Path) -> None:
    paths = sorted(class_folders(tmp_path, red=5, green=4).rglob("*.png")) * 20
    device = choose_device()
    for batch in decode_batches(paths, INPUT, 8):
        assert torch.from_numpy(batch.pixels).is_pinned()
        expected = [load_square(paths[at], INPUT) for at in batch.positions]
        np.testing.assert_array_equal(device.upload(batch.pixels).cpu().numpy(), expected)


@needs_card
def test_overlapping_passes_give_the_same_outputs_as_single_ones(
    workspace: Workspace,
) -> None:
    model = publish_network(workspace, "net", side=SIDE, backbone="resnet18", dimension=8)
    batches = [noise(32, seed) for seed in range(6)]
    alone = [model.embed(batch) for batch in batches]
    keep_busy()
    started = [model.embed_async(batch) for batch in batches]
    for wait, expected in zip(started, alone, strict=True):
        for ours, theirs in zip(wait(), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
