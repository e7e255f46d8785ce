"""Speed of the parts of training: decoding, memory layout, precision and cache."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import interleaved, report, seconds
from core.models.batches import decode_batches, load_square
from core.models.devices import choose_device
from core.models.network import EmbeddingNetwork
from core.models.preprocessing import Preprocessing, normalized
from core.progress import Measurement
from core.training.cache import RowCache
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import Workspace

NUM_IMAGES = 32
ROUNDS = 3
MOST_WAITING = 0.05
"""Largest share of a step in which a GPU may wait for data."""


def compare_parts(paths: list[Path], network: EmbeddingNetwork, folder: Path) -> None:
    """Print the seconds of decoding, layouts, precisions and the cache for the same images."""
    paths = paths[:NUM_IMAGES]
    side = network.config.image_size
    decoding = {
        "one after the other": lambda: [
            load_square(path, Preprocessing(image_size=side)) for path in paths
        ],
        "several processes": lambda: list(
            decode_batches(paths, Preprocessing(image_size=side), 16)
        ),
    }
    report("Decoding", _medians(decoding))
    pixels = normalized(
        torch.from_numpy(
            np.stack([load_square(path, Preprocessing(image_size=side)) for path in paths])
        ),
        Preprocessing(image_size=side),
    )
    plain = pixels.contiguous(memory_format=torch.contiguous_format)
    frozen = network.frozen.eval()
    with torch.inference_mode():
        frozen.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        taken = {"channels first, float32": _frozen_seconds(network, plain)}
        frozen.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        taken["channels last, float32"] = _frozen_seconds(network, pixels)
        device = choose_device()
        if device.bfloat16:
            with device.autocast():
                taken["channels last, bfloat16"] = _frozen_seconds(network, pixels)
        report("Frozen blocks", taken)
        if not device.bfloat16:
            print("  bfloat16: not measured, this processor has no instructions for it")
        features = frozen(pixels).half().numpy()
    cache = RowCache.create(folder / "cache.npy", features.shape, np.float16)
    cache[np.arange(len(features))] = features
    computed = taken["channels last, float32"]
    read = _medians({"read from the cache": lambda: cache[np.arange(len(features))]})
    report("Frozen blocks, computed or cached", {"computed": computed} | read)


def _frozen_seconds(network: EmbeddingNetwork, pixels: torch.Tensor) -> float:
    return _medians({"": lambda: network.frozen(pixels)})[""]


def _medians(calls: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    timed: dict[str, Callable[[], float]] = {
        name: (partial(seconds, work)) for name, work in calls.items()
    }
    return interleaved(timed, ROUNDS)


def report_waiting(workspace: Workspace, config: TrainConfig) -> None:
    """Print the share of a step in which the GPU waits for data, if there is one."""
    if choose_device().name != "cuda":
        print("\nWaiting for data on a GPU: not measured, there is none")
        return
    shares = []
    work = train(workspace, config)
    for event in work:
        if isinstance(event, Measurement) and event.curve == "epoch":
            shares.append(event.values["waiting_share"])
    worst = max(shares[1:])
    verdict = "holds" if worst < MOST_WAITING else "does not hold"
    print(
        f"\nWaiting for data after the first epoch: {worst:.1%}, at most {MOST_WAITING}: {verdict}"
    )
