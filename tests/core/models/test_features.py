"""Cached features are found by the content of their images, in every process, or computed again."""

import numpy as np
import pytest
import torch

from core.models import features
from core.models.features import FeatureStore
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.workspace import Workspace

pytestmark = pytest.mark.usefixtures("small_networks")
A, B, C = (bytes([number]) * 32 for number in range(1, 4))


def store_of(workspace: Workspace, *, bfloat16: bool = False) -> FeatureStore:
    torch.manual_seed(0)
    config = NetworkConfig(backbone="resnet18", trainable_blocks=0, image_size=32)
    return FeatureStore(workspace, EmbeddingNetwork(config), bfloat16=bfloat16)


def rows(store: FeatureStore, *values: float) -> np.ndarray:
    return np.array([[value] * store.num_features for value in values], np.float16)


def test_features_are_read_by_another_store_of_the_same_network(workspace: Workspace) -> None:
    store = store_of(workspace)
    store.add([A, B], rows(store, 1, 2))
    assert not store_of(workspace).read([A])[1].any()  # Not on disk yet
    store.flush()
    values, known = store_of(workspace).read([B, C, A, B])
    assert known.tolist() == [True, False, True, True]
    assert values[:, 0].tolist() == [2, 0, 1, 2]
    assert not store_of(workspace, bfloat16=True).read([A])[1].any()


def test_a_full_chunk_is_written_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "CHUNK", 2)
    store = store_of(workspace)
    store.add([A, B], rows(store, 1, 2))
    assert store_of(workspace).read([A, B])[1].all()


def test_a_damaged_chunk_is_removed(workspace: Workspace) -> None:
    store = store_of(workspace)
    store.add([A], rows(store, 1))
    store.flush()
    [file] = store.folder.iterdir()
    file.write_bytes(file.read_bytes()[:-20])
    assert not store_of(workspace).read([A])[1].any()
    assert not file.exists()
