"""What the training loop reads: every image once decoded, and through the frozen blocks once.

Shapes, in this file: N images, B images of a batch, S pixels a side.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.datasets.catalog import ImageRow
from core.datasets.registry import Dataset
from core.embedder.batches import decode_batches
from core.embedder.devices import Device
from core.embedder.network import EmbeddingNetwork
from core.embedder.preprocess import normalised
from core.progress import Progress, Work
from core.training.cache import cached_array
from core.workspace import Workspace

DECODE_BATCH = 16


@dataclass(frozen=True, slots=True)
class Inputs:
    """Images as the part of the network that trains wants them."""

    values: NDArray[Any]
    """(N, 3, S, S) uint8 pixels if nothing is frozen, else (N, …) float16 output of the frozen
    part; memory-mapped."""

    labels: NDArray[np.int64]
    """(N,) category numbers."""

    usable: NDArray[np.bool_]
    """(N,) False for images that could not be decoded."""

    def batch(self, rows: NDArray[np.int64], device: Device) -> tuple[Tensor, Tensor]:
        """Return the values and labels of some rows on the device; pixels stay uint8."""
        values = torch.from_numpy(self.values[rows])
        if values.dtype == torch.float16:
            values = values.float().contiguous(memory_format=torch.channels_last)
        return values.to(device.name), torch.from_numpy(self.labels[rows]).to(device.name)


def prepare_inputs(
    workspace: Workspace,
    dataset: Dataset,
    rows: Sequence[ImageRow],
    network: EmbeddingNetwork,
    image_size: int,
    device: Device,
) -> Work[Inputs]:
    """Decode every image, and run it through the network's frozen part if it has one.

    The result is kept on disk under a key of the images' content, the frozen weights and the
    image size, so that another run on the same ones starts at once.
    """
    classes = sorted({str(row.label) for row in rows})
    numbers = {label: number for number, label in enumerate(classes)}
    key = _key(rows, network, image_size)
    shape, dtype = _layout(network, image_size)

    def fill(array: NDArray[Any]) -> Work[dict[int, str]]:
        return _fill(array, dataset, rows, network, image_size, device)

    values, problems = yield from cached_array(workspace, key, (len(rows), *shape), dtype, fill)
    usable = np.ones(len(rows), np.bool_)
    usable[list(problems)] = False
    labels = np.array([numbers[str(row.label)] for row in rows], np.int64)
    return Inputs(values, labels, usable)


def _layout(network: EmbeddingNetwork, image_size: int) -> tuple[tuple[int, ...], type[np.generic]]:
    if not len(network.frozen):
        return (3, image_size, image_size), np.uint8
    with torch.inference_mode():
        device = next(network.parameters()).device
        probe = network.frozen(torch.zeros(1, 3, image_size, image_size, device=device))
    return tuple(probe.shape[1:]), np.float16


def _fill(
    array: NDArray[Any],
    dataset: Dataset,
    rows: Sequence[ImageRow],
    network: EmbeddingNetwork,
    image_size: int,
    device: Device,
) -> Work[dict[int, str]]:
    problems: dict[int, str] = {}
    note = "running the frozen layers" if len(network.frozen) else "decoding images"
    paths = [dataset.path_of(row) for row in rows]
    done = 0
    for batch in decode_batches(paths, image_size, DECODE_BATCH):
        problems |= batch.problems
        if len(batch.positions):
            array[batch.positions] = _through_frozen(batch.pixels, network, device)
        done += len(batch.positions) + len(batch.problems)
        yield Progress(done, len(rows), note)
    return problems


def _through_frozen(
    pixels: NDArray[np.uint8], network: EmbeddingNetwork, device: Device
) -> NDArray[Any]:
    if not len(network.frozen):
        return pixels
    with torch.inference_mode(), device.autocast():
        features = network.frozen(normalised(torch.from_numpy(pixels)).to(device.name))
    half: NDArray[np.float16] = features.half().cpu().numpy()
    return half


def _key(rows: Sequence[ImageRow], network: EmbeddingNetwork, image_size: int) -> str:
    digest = hashlib.sha256(f"1/{image_size}".encode())  # 1: the version of the preprocessing
    for row in rows:
        digest.update(f"{row.path}\0{row.sha256}\0".encode())
    for name, value in network.frozen.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
