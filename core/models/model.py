"""Trained models on disk: safetensors weights and a manifest."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional

from core.artifacts.folders import open_artifact
from core.artifacts.manifests import Manifest
from core.errors import DamagedArtifactError
from core.models.devices import Device, choose_device
from core.models.inference import for_inference
from core.models.network import EmbeddingNetwork, NetworkConfig, current_keys
from core.models.preprocessing import normalized
from core.workspace import Workspace

WEIGHTS = "model.safetensors"

Outputs: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32]]
"""A model's outputs for a batch: (B, D) float32 unit embeddings and (B, C) float32 probabilities
that add up to 1 in each row; C is 0 for a model without classes."""


@dataclass(frozen=True, slots=True)
class Model:
    """A trained network, ready to embed and classify."""

    manifest: Manifest
    config: NetworkConfig
    network: EmbeddingNetwork
    classes: tuple[str, ...]
    """Class of each of the classifier's outputs; none for a model that only embeds."""

    device: Device

    folded: EmbeddingNetwork = field(init=False)
    """The network with which images are embedded; see `for_inference`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", for_inference(self.network))

    @property
    def id(self) -> str:
        """Return the name of the model's folder."""
        return self.manifest.id

    def embed(self, pixels: NDArray[np.uint8], *, bfloat16: bool = False) -> Outputs:
        """Embed and classify a batch.

        Args:
            pixels: (B, 3, S, S) uint8, as `batches.load_square` returns them.
            bfloat16: Whether the backbone computes in bfloat16; the head never does.
        """
        return self.embed_async(pixels, bfloat16=bfloat16)()

    def embed_async(
        self, pixels: NDArray[np.uint8], *, bfloat16: bool = False
    ) -> Callable[[], Outputs]:
        """Start `embed`, and return a function that waits for its result."""
        return _embed_async(self.folded, self.device, pixels, bfloat16=bfloat16)


def write_weights(network: EmbeddingNetwork, folder: Path) -> None:
    """Save the network's weights in `folder`, replacing earlier ones atomically."""
    temporary = folder / f".{WEIGHTS}"
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, temporary)
    temporary.replace(folder / WEIGHTS)


def load_model(workspace: Workspace, model_id: str) -> Model:
    """Open a trained model for embedding.

    Raises:
        MissingError: There is no such model.
        DamagedArtifactError: A file of it was changed, or its weights give no usable embedding.
    """
    manifest = open_artifact(workspace.models, model_id)
    path = workspace.models / model_id / WEIGHTS
    try:
        config = NetworkConfig(**manifest.config["network"])
        network = build_network(config, load_file(path, backend="pread"))
        classes = tuple(manifest.summary["classes"])
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError, OSError) as error:
        raise DamagedArtifactError(
            f"The model {model_id} does not fit its own description.", "Train it again."
        ) from error
    device = choose_device()
    model = Model(
        manifest=manifest,
        config=config,
        network=network.to(device.name),
        classes=classes,
        device=device,
    )
    if not is_usable(model.network, device):
        raise DamagedArtifactError(
            f"The model {model.id} gives no usable embeddings: its weights are not finite "
            "or constant.",
            "Train it again with a smaller learning rate.",
        )
    return model


def build_network(config: NetworkConfig, weights: Mapping[str, Tensor]) -> EmbeddingNetwork:
    """Build the network with these weights, in evaluation mode.

    Raises:
        RuntimeError: The weights do not fit.
    """
    network = deepcopy(_without_weights(config))
    network.load_state_dict(current_keys(weights), assign=True)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.eval()


@lru_cache
def _without_weights(config: NetworkConfig) -> EmbeddingNetwork:
    """Build the layers alone, once: random start weights would take up to two seconds."""
    with torch.device("meta"):
        network = EmbeddingNetwork(config)
    computed = {name for name, _ in network.named_buffers()} - network.state_dict().keys()
    return EmbeddingNetwork(config) if computed else network  # Files of weights lack these


def is_usable(network: EmbeddingNetwork, device: Device) -> bool:
    """Return whether the network embeds different images differently, and none as NaN."""
    side = network.config.image_size
    noise = np.random.default_rng(0).integers(0, 255, (2, 3, side, side), dtype=np.uint8)
    noise[1] //= 4
    embeddings, _ = _embed_async(network, device, noise)()
    return bool(np.isfinite(embeddings).all()) and not np.array_equal(*embeddings)


def extract_features(
    network: EmbeddingNetwork, device: Device, pixels: NDArray[np.uint8]
) -> Tensor:
    """Compute the backbone's features of (B, 3, S, S) uint8 pixels, as float32 on the device.

    Call it in `torch.inference_mode`.
    """
    batch = normalized(device.upload(pixels), network.config.preprocessing)
    with device.autocast():
        features = network.extract_features(batch)
    return features.float()


def _embed_async(
    network: EmbeddingNetwork,
    device: Device,
    pixels: NDArray[np.uint8],
    *,
    bfloat16: bool = False,
) -> Callable[[], Outputs]:
    with torch.inference_mode():
        features = extract_features(network, replace(device, bfloat16=bfloat16), pixels)
        embeddings, scores = network.head(features)
        probabilities = functional.softmax(scores.float(), dim=1)
        fetched = device.fetch(torch.cat([embeddings.float(), probabilities], dim=1))
        dimension = embeddings.shape[1]

    def wait() -> Outputs:
        both = fetched()
        return both[:, :dimension].copy(), both[:, dimension:].copy()

    return wait
