"""Views of the images of a training: decoded pixels, or the output of the frozen blocks.

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

from core.datasets.columns import ImageRow, Split
from core.datasets.registry import Dataset
from core.models.batches import Batch, decode_batches
from core.models.devices import Device
from core.models.features import FeatureStore, has_storable_features
from core.models.inference import for_inference
from core.models.network import EmbeddingNetwork
from core.models.passes import as_start, forward_passes
from core.models.preprocessing import VERSION, normalized
from core.progress import Progress, Work
from core.training.augment import augmented
from core.training.cache import RowCache
from core.training.config import TrainConfig
from core.workspace import Workspace

DECODE_BATCH = 16


def values_of(
    network: EmbeddingNetwork, image_size: int
) -> tuple[tuple[int, ...], type[np.generic]]:
    """Return the shape and type of the cached values of one view of one image."""
    if not len(network.frozen):
        return (3, image_size, image_size), np.uint8
    with torch.inference_mode():
        device = next(network.parameters()).device
        values = network.extract_frozen(torch.zeros(1, 3, image_size, image_size, device=device))
    return tuple(values.shape[1:]), np.float16


@dataclass(frozen=True, slots=True)
class View:
    """One view of every image."""

    workspace: Workspace
    dataset: Dataset
    rows: Sequence[ImageRow]
    network: EmbeddingNetwork
    config: TrainConfig
    device: Device
    number: int
    """0 is the unchanged images."""

    def key(self) -> str:
        """Return a key that identifies the values."""
        preprocessing = json.dumps(asdict(self.network.config.preprocessing), sort_keys=True)
        pooling = "" if len(self.network.tail) else self.network.config.pooling
        digest = hashlib.sha256(f"{VERSION}/{preprocessing}/{pooling}".encode())
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
        store = self._store()
        if store:
            features, known = store.read([bytes.fromhex(row.sha256) for row in self.rows])
            array[np.flatnonzero(known)] = features[known].reshape(-1, *array.shape[1:])
            in_view = np.flatnonzero(~known)
        paths = [self.dataset.path_of(self.rows[at]) for at in in_view.tolist()]
        problems: dict[int, str] = {}
        folded, done = for_inference(self.network), 0

        def values_of_batch(batch: Batch) -> NDArray[Any]:
            return self._through_frozen(folded, batch.pixels, int(in_view[batch.positions[0]]))

        try:
            batches = decode_batches(paths, self.network.config.preprocessing, DECODE_BATCH)
            run = as_start(values_of_batch)
            for batch, values in forward_passes(batches, run, self.device):
                problems |= {int(in_view[at]): reason for at, reason in batch.problems.items()}
                if values is not None:
                    rows = in_view[batch.positions]
                    array[rows] = values
                    if store:
                        images = [self.rows[row] for row in rows]
                        store.add_images(self.dataset, images, values.reshape(len(rows), -1))
                done += len(batch.positions) + len(batch.problems)
                yield Progress(done, len(in_view), self._note())
        finally:
            if store:
                store.flush()
        return problems

    def _store(self) -> FeatureStore | None:
        """Return where the features of unchanged images are, if the whole backbone is frozen."""
        if self.number or not has_storable_features(self.network):
            return None
        return FeatureStore(self.workspace, self.network, bfloat16=self.device.bfloat16)

    def _note(self) -> str:
        note = "running the frozen layers" if len(self.network.frozen) else "decoding images"
        several = self.config.num_views > 1
        return f"{note}, view {self.number + 1} of {self.config.num_views}" if several else note

    def _through_frozen(
        self, network: EmbeddingNetwork, pixels: NDArray[np.uint8], first: int
    ) -> NDArray[Any]:
        if not len(network.frozen):
            return pixels
        preprocessing = network.config.preprocessing
        values = normalized(self.device.upload(pixels), preprocessing)
        if self.number:
            sequence = np.random.SeedSequence((self.config.seed, self.number, first))
            seed = int(sequence.generate_state(1, np.uint32)[0])
            generator = torch.Generator().manual_seed(seed)
            values = augmented(values, generator, preprocessing, self.config.augmentation)
        with torch.inference_mode(), self.device.autocast():
            features = network.extract_frozen(values)
        half: NDArray[np.float16] = features.half().cpu().numpy()
        return half
