"""Inputs of the training loop: decoded images, or each view's output of the frozen blocks, cached.

The next batch of an epoch is read while the current one is trained on.

Shapes, in this file: N images, B images of a batch, S pixels a side.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.models.devices import Device
from core.models.network import EmbeddingNetwork
from core.progress import Work
from core.training.cache import RowCache, cached_array
from core.training.config import TrainConfig
from core.training.views import View, values_of
from core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Inputs:
    """Inputs of the trainable part of the network."""

    views: tuple[RowCache | NDArray[Any], ...]
    """Each (N, 3, S, S) uint8 pixels if nothing is frozen, else (N, …) float16 output of the frozen
    blocks. The first is of the unchanged images; the others, augmented, have values for train
    images only."""

    ids: NDArray[np.int64]
    """(N,) catalog ids."""

    labels: NDArray[np.int64]
    """(N,) class numbers."""

    usable: NDArray[np.bool_]
    """(N,) False for images that could not be decoded."""

    def read(
        self, rows: NDArray[np.int64], generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the values and labels of (B,) rows.

        The generator draws a view for each row; without it the first view is returned.
        """
        if generator is None or len(self.views) == 1:
            values = self.views[0][rows]
        else:
            drawn = torch.randint(len(self.views), (len(rows),), generator=generator).numpy()
            values = np.empty((len(rows), *self.views[0].shape[1:]), self.views[0].dtype)
            for number, view in enumerate(self.views):
                values[drawn == number] = view[rows[drawn == number]]
        return torch.from_numpy(values), torch.from_numpy(self.labels[rows])


def on_device(values: Tensor, device: torch.device) -> Tensor:
    """Return inputs on the device, features as float32; pixels stay uint8."""
    moved = values.to(device, non_blocking=True)
    if moved.dtype == torch.float16:
        return moved.float().contiguous(memory_format=torch.channels_last)
    return moved


def prepare_inputs(
    workspace: Workspace,
    dataset: Dataset,
    rows: Sequence[ImageRow],
    network: EmbeddingNetwork,
    config: TrainConfig,
    device: Device,
) -> Work[Inputs]:
    """Decode every image, and run each view of it through the frozen blocks, if there are any.

    The result is cached on disk under a key of the images' content, the frozen weights, the image
    size and the augmentation, so that another run with the same ones starts at once.
    """
    classes = sorted({str(row.label) for row in rows})
    numbers = {label: number for number, label in enumerate(classes)}
    shape, dtype = values_of(network, config.image_size)
    usable = np.ones(len(rows), np.bool_)
    views = []
    for number in range(config.num_views):
        view = View(workspace, dataset, rows, network, config, device, number)
        array, problems = yield from cached_array(
            workspace, view.key(), (len(rows), *shape), dtype, view.fill
        )
        views.append(array)
        usable[list(problems)] = False
    labels = np.array([numbers[str(row.label)] for row in rows], np.int64)
    ids = np.array([row.id for row in rows], np.int64)
    return Inputs(tuple(views), ids, labels, usable)


@dataclass(frozen=True, slots=True)
class TrainBatch:
    """The batch of a step."""

    values: Tensor
    """(B, …) as `Inputs.read` returns them, on the CPU."""

    labels: Tensor
    """(B,) int64 class numbers."""

    seed: int
    """Seed of everything random in this step."""

    generator: torch.Generator
    """Seeded with it; it has drawn the views, and the augmentation draws from it next."""

    def __len__(self) -> int:
        return len(self.labels)


def read_batch(inputs: Inputs, rows: NDArray[np.int64], seed: int) -> TrainBatch:
    """Read the rows of a step; the seed determines which view of each."""
    generator = torch.Generator().manual_seed(seed)
    values, labels = inputs.read(rows, generator)
    if torch.cuda.is_available():  # Only pinned memory is copied asynchronously
        values, labels = values.pin_memory(), labels.pin_memory()
    return TrainBatch(values, labels, seed, generator)


def prefetch(
    inputs: Inputs, steps: Sequence[tuple[NDArray[np.int64], int]]
) -> Generator[TrainBatch, None, None]:
    """Yield the batches of some steps, given as rows and seed, read one step ahead of the caller.

    Close the generator to end early.
    """
    with ThreadPoolExecutor(1) as reader:  # One thread, as the files are not thread-safe
        waiting = None
        for rows, seed in steps:
            following = reader.submit(read_batch, inputs, rows, seed)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
