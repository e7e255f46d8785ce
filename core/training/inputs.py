"""Inputs of the training loop: decoded images, or each view's output of the frozen blocks, cached.

The next batch of an epoch is read while the current one is trained on.

Shapes, in this file: N images, B images of a batch, S pixels a side.
"""

import hashlib
import json
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import compress
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.datasets.columns import ImageRow, Split
from core.datasets.registry import Dataset
from core.models.batches import decode_batches
from core.models.devices import Device
from core.models.network import EmbeddingNetwork
from core.models.preprocessing import VERSION, normalized
from core.progress import Progress, Work
from core.training.augment import augmented
from core.training.cache import RowCache, cached_array
from core.training.config import TrainConfig
from core.workspace import Workspace

DECODE_BATCH = 16


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
        view = _View(dataset, rows, network, config, device, number)
        array, problems = yield from cached_array(
            workspace, view.key(), (len(rows), *shape), dtype, view.fill
        )
        views.append(array)
        usable[list(problems)] = False
    labels = np.array([numbers[str(row.label)] for row in rows], np.int64)
    ids = np.array([row.id for row in rows], np.int64)
    return Inputs(tuple(views), ids, labels, usable)


def values_of(
    network: EmbeddingNetwork, image_size: int
) -> tuple[tuple[int, ...], type[np.generic]]:
    """Return the shape and type of the cached values of one view of one image."""
    if not len(network.frozen):
        return (3, image_size, image_size), np.uint8
    with torch.inference_mode():
        device = next(network.parameters()).device
        values = network.frozen(torch.zeros(1, 3, image_size, image_size, device=device))
    return tuple(values.shape[1:]), np.float16


@dataclass(frozen=True, slots=True)
class _View:
    """One view of every image."""

    dataset: Dataset
    rows: Sequence[ImageRow]
    network: EmbeddingNetwork
    config: TrainConfig
    device: Device
    number: int
    """0 is the unchanged images."""

    def key(self) -> str:
        """Return a key that identifies the values."""
        digest = hashlib.sha256(f"{VERSION}/{self.config.image_size}".encode())
        if self.number:
            augmentation = json.dumps(asdict(self.config.augmentation), sort_keys=True)
            digest.update(f"{self.number}/{self.config.seed}/{augmentation}".encode())
        for row in self.rows:
            digest.update(f"{row.path}\0{row.sha256}\0".encode())
        for name, value in self.network.frozen.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def fill(self, array: RowCache) -> Work[dict[int, str]]:
        """Compute the values; return row → reason for images that cannot be decoded."""
        mask = [not self.number or row.split == Split.TRAIN for row in self.rows]
        in_view = np.flatnonzero(mask)
        paths = [self.dataset.path_of(row) for row in compress(self.rows, mask)]
        problems: dict[int, str] = {}
        done = 0
        for batch in decode_batches(paths, self.config.image_size, DECODE_BATCH):
            problems |= {int(in_view[at]): reason for at, reason in batch.problems.items()}
            if len(batch.positions):
                rows = in_view[batch.positions]
                array[rows] = self._through_frozen(batch.pixels, int(rows[0]))
            done += len(batch.positions) + len(batch.problems)
            yield Progress(done, len(in_view), self._note())
        return problems

    def _note(self) -> str:
        note = "running the frozen layers" if len(self.network.frozen) else "decoding images"
        several = self.config.num_views > 1
        return f"{note}, view {self.number + 1} of {self.config.num_views}" if several else note

    def _through_frozen(self, pixels: NDArray[np.uint8], first: int) -> NDArray[Any]:
        if not len(self.network.frozen):
            return pixels
        values = normalized(self.device.upload(pixels))
        if self.number:
            sequence = np.random.SeedSequence((self.config.seed, self.number, first))
            seed = int(sequence.generate_state(1, np.uint32)[0])
            generator = torch.Generator().manual_seed(seed)
            values = augmented(values, generator, self.config.augmentation)
        with torch.inference_mode(), self.device.autocast():
            features = self.network.frozen(values)
        half: NDArray[np.float16] = features.half().cpu().numpy()
        return half


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
