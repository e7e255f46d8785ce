"""What the training loop reads: images decoded once, and through the frozen blocks once a view.

Shapes, in this file: N images, B images of a batch, S pixels a side.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
from core.training.cache import cached_array
from core.training.config import TrainConfig
from core.training.row_cache import RowCache
from core.workspace import Workspace

DECODE_BATCH = 16


@dataclass(frozen=True, slots=True)
class Inputs:
    """Images as the part of the network that trains wants them."""

    views: tuple[RowCache | NDArray[Any], ...]
    """Each (N, 3, S, S) uint8 pixels if nothing is frozen, else (N, …) float16 output of the frozen
    part. The first is of the images as they are; in the others, changed at random,
    only train images have a value."""

    ids: NDArray[np.int64]
    """(N,) catalog ids."""

    labels: NDArray[np.int64]
    """(N,) category numbers."""

    usable: NDArray[np.bool_]
    """(N,) False for images that could not be decoded."""

    def read(
        self, rows: NDArray[np.int64], generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the values and labels of some rows, as they are kept.

        Args:
            rows: Which; (B,).
            generator: Draws a view for each row; without it they are of the images as they are.
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
    """Return kept values on the device, features as float32; pixels stay uint8."""
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
    """Decode every image, and run each view of it through the network's frozen part if it has one.

    The result is kept on disk under a key of the images' content, the frozen weights, the image
    size and what was changed, so that another run on the same ones starts at once.
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
    """Return the shape and type of what is kept of one view of one image."""
    if not len(network.frozen):
        return (3, image_size, image_size), np.uint8
    with torch.inference_mode():
        device = next(network.parameters()).device
        probe = network.frozen(torch.zeros(1, 3, image_size, image_size, device=device))
    return tuple(probe.shape[1:]), np.float16


@dataclass(frozen=True, slots=True)
class _View:
    """One way to look at every image."""

    dataset: Dataset
    rows: Sequence[ImageRow]
    network: EmbeddingNetwork
    config: TrainConfig
    device: Device
    number: int
    """0 is the images as they are."""

    def key(self) -> str:
        """Return what identifies the values."""
        digest = hashlib.sha256(f"{VERSION}/{self.config.image_size}".encode())
        if self.number:
            changes = json.dumps(asdict(self.config.augmentation), sort_keys=True)
            digest.update(f"{self.number}/{self.config.seed}/{changes}".encode())
        for row in self.rows:
            digest.update(f"{row.path}\0{row.sha256}\0".encode())
        for name, value in self.network.frozen.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def fill(self, array: RowCache) -> Work[dict[int, str]]:
        """Compute the values; return the images that cannot be decoded, with the reasons."""
        wanted = [
            place
            for place, row in enumerate(self.rows)
            if not self.number or row.split == Split.TRAIN
        ]
        paths = [self.dataset.path_of(self.rows[place]) for place in wanted]
        problems: dict[int, str] = {}
        done = 0
        for batch in decode_batches(paths, self.config.image_size, DECODE_BATCH):
            problems |= {wanted[place]: reason for place, reason in batch.problems.items()}
            if len(batch.positions):
                places = np.array(wanted)[batch.positions]
                array[places] = self._through_frozen(batch.pixels, int(places[0]))
            done += len(batch.positions) + len(batch.problems)
            yield Progress(done, len(wanted), self._note())
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
