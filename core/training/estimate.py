"""Requirements of a training: parameters, disk space, and time, measured on a few batches."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from core.datasets.columns import Split
from core.datasets.registry import open_dataset
from core.models.devices import Device, choose_device
from core.models.inference import for_inference
from core.models.network import EmbeddingNetwork
from core.progress import Progress, Work
from core.training.config import TrainConfig
from core.training.inputs import Inputs, read_batch
from core.training.loop import Epoch, train_batch
from core.training.setup import Setup, labeled_rows, network_config, open_fabric, set_up
from core.training.views import values_of
from core.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """Parameters and disk space of a training."""

    num_trainable: int
    """Trainable parameters."""

    num_frozen: int
    """Frozen parameters."""

    cache_bytes: int
    """Size of the cache of decoded images or of the frozen blocks' output."""


def training_requirements(
    config: TrainConfig, num_classes: int, num_train: int, num_validation: int
) -> Requirements:
    """Compute the requirements of a training; no weights are allocated, so this is fast.

    Validation images have no augmented views.
    """
    with torch.device("meta"):
        network = EmbeddingNetwork(network_config(config, num_classes))
    shape, dtype = values_of(network, config.image_size)
    rows = config.num_views * num_train + num_validation
    return Requirements(
        num_trainable=sum(parameter.numel() for parameter in network.trainable_parameters()),
        num_frozen=sum(parameter.numel() for parameter in network.frozen.parameters()),
        cache_bytes=rows * int(np.prod(shape)) * np.dtype(dtype).itemsize,
    )


PROBE_STEPS = 3
"""Measurements of each part; the fastest counts, as other load only slows them down."""

DECODE_SECONDS = 4e-3
"""Decoding time of an image; Caltech-101's on one core."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """Time and requirements of a training."""

    seconds: float
    """From the start to the model, with an empty cache."""

    prepare_seconds: float
    """The part of it before the first step."""

    requirements: Requirements
    """Parameters and disk space."""


def estimate(workspace: Workspace, config: TrainConfig) -> Work[Estimate]:
    """Measure a few batches with random weights, and estimate the whole training.

    Raises:
        MissingError: There is no such dataset.
        WorkbenchError: It has too few labeled train images.
    """
    yield Progress(0, 2 * PROBE_STEPS, "measuring a few batches")
    rows, classes = labeled_rows(open_dataset(workspace, config.dataset))
    train = [row for row in rows if row.split == Split.TRAIN]
    num_train = len(train)
    device = choose_device()
    network = EmbeddingNetwork(network_config(config, len(classes)))
    fabric = open_fabric(device)
    network.to(fabric.device)
    shape, dtype = values_of(network, config.image_size)
    size = min(config.batch_size, num_train)
    frozen = yield from _frozen_seconds(network, config, device)
    labels = np.arange(size) % len(classes)
    values = np.zeros((size, *shape), dtype)
    fake = Inputs((values,), labels, labels, np.ones(size, np.bool_))
    setup = set_up(replace(config, epochs=PROBE_STEPS), Path(), fabric, network, fake, train[:size])
    step = yield from _step_seconds(setup)
    views = 1 + (config.num_views - 1) * num_train / len(rows)
    prepare = views * len(rows) * (frozen + DECODE_SECONDS)
    learning = config.epochs * num_train * step / size
    validating = config.epochs * (len(rows) - num_train) * step / size / 3  # No backward pass
    return Estimate(
        seconds=prepare + learning + validating,
        prepare_seconds=prepare,
        requirements=training_requirements(config, len(classes), num_train, len(rows) - num_train),
    )


def _frozen_seconds(network: EmbeddingNetwork, config: TrainConfig, device: Device) -> Work[float]:
    """Measure the time of the frozen blocks for one image."""
    if not len(network.frozen):
        return 0.0
    pixels = torch.zeros(4, 3, config.image_size, config.image_size, device=device.name)
    pixels = pixels.contiguous(memory_format=torch.channels_last)
    folded = for_inference(network)

    def run() -> None:
        with torch.inference_mode(), device.autocast():
            folded.extract_frozen(pixels)

    return (yield from _fastest(run, 0, "measuring the frozen blocks")) / len(pixels)


def _step_seconds(setup: Setup) -> Work[float]:
    """Measure the time of a training step."""
    setup.module.train()

    def step() -> None:
        train_batch(setup, read_batch(setup.inputs, setup.train, seed=0), Epoch(0))

    return (yield from _fastest(step, PROBE_STEPS, "measuring a step"))


def _fastest(call: Callable[[], None], done: int, note: str) -> Work[float]:
    """Return the seconds of the fastest of some calls, `done` measurements after the first."""
    times = []
    for number in range(1, PROBE_STEPS + 1):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
        yield Progress(done + number, 2 * PROBE_STEPS, note)
    return min(times)
