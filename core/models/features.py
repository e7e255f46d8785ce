"""`FeatureStore`: pooled features of frozen backbones on disk, by the content of their images.

A head is trained on them, and images are embedded from them, without another forward pass through
the backbone. They may be deleted at any time.

Shapes, in this file: N images, F pooled features.
"""

import hashlib
import json
import secrets
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset, is_as_scanned
from core.files import write_atomically
from core.models.network import EmbeddingNetwork
from core.models.preprocessing import VERSION
from core.workspace import Workspace

CHUNK = 1024
"""Images in a file: the most that a killed process loses."""

MAX_FEATURES = 8192
"""More are not kept: VGG-16's own pooling has 25,088, which takes 0.5 GB for 10,000 images."""

DIGITS = 24
"""Digits of the key in the folder's name."""


def has_storable_features(network: EmbeddingNetwork) -> bool:
    """Return whether a network's pooled features never change and are few enough to keep."""
    return not len(network.tail) and network.project.in_features <= MAX_FEATURES


class FeatureStore:
    """The features that one frozen backbone gives: float16, as many as `F`."""

    def __init__(self, workspace: Workspace, network: EmbeddingNetwork, *, bfloat16: bool) -> None:
        """Locate the store; its folder is created when there is something to write.

        Args:
            workspace: Where the features are cached.
            network: A network whose whole backbone is frozen, with its weights.
            bfloat16: Whether the backbone computes in bfloat16.
        """
        config = network.config
        self.num_features = network.project.in_features
        facts = {"preprocessing": asdict(config.preprocessing), "pooling": config.pooling}
        digest = hashlib.sha256(json.dumps([VERSION, facts, bfloat16]).encode())
        for name, value in network.frozen.state_dict().items():
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        self.folder = workspace.features / f"pooled-{digest.hexdigest()[:DIGITS]}"
        self._contents: list[bytes] = []
        self._features: list[NDArray[np.float16]] = []

    def read(self, contents: Sequence[bytes]) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
        """Return the features of images.

        Args:
            contents: SHA-256 of each image.

        Returns:
            (N, F) float16, zeros where unknown, and (N,) which are known.
        """
        places: dict[bytes, list[int]] = {}
        for place, content in enumerate(contents):
            places.setdefault(content, []).append(place)
        features = np.zeros((len(contents), self.num_features), np.float16)
        known = np.zeros(len(contents), np.bool_)
        for saved, values in self._chunks():
            for content, value in zip(map(bytes, saved), values, strict=True):
                at = places.get(content, [])
                features[at], known[at] = value, True
        return features, known

    def add(self, contents: Sequence[bytes], features: NDArray[np.float16]) -> None:
        """Add N SHA-256 and their (N, F) float16 features; `flush` writes the last ones."""
        self._contents += contents
        self._features.append(features)
        if len(self._contents) >= CHUNK:
            self.flush()

    def add_images(
        self, dataset: Dataset, images: Sequence[ImageRow], features: NDArray[np.float16]
    ) -> None:
        """Add the (N, F) features of N images whose files have not changed since the scan."""
        scanned = [is_as_scanned(dataset.file_of(image), image) for image in images]
        contents = [bytes.fromhex(image.sha256) for image in compress(images, scanned)]
        self.add(contents, features[scanned])

    def flush(self) -> None:
        """Write what was added and is not on disk yet."""
        if not self._contents:
            return
        saved = np.frombuffer(b"".join(self._contents), np.uint8).reshape(len(self._contents), -1)
        features = np.concatenate(self._features)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{secrets.token_hex(8)}.npz"
        write_atomically(path, lambda file: np.savez(file, contents=saved, features=features))
        self._contents, self._features = [], []

    def _chunks(self) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float16]]]:
        for path in sorted(self.folder.glob("*.npz")):
            try:
                with np.load(path, allow_pickle=False) as content:
                    yield content["contents"], content["features"]
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                path.unlink(missing_ok=True)  # Damaged: the features are computed again
