"""A training in progress, and how it is set up. The loop itself is in `loop.py`."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.datasets.catalog import ImageRow, Split
from core.datasets.filters import ImageFilter
from core.datasets.registry import Dataset
from core.embedder.devices import Device
from core.embedder.network import EmbeddingNetwork, NetworkConfig
from core.embedder.pretrained import fetch_imagenet
from core.embedder.weights import read_trunk
from core.errors import WorkbenchError
from core.progress import Progress, Work
from core.training.config import IMAGENET, NO_WEIGHTS, TrainConfig
from core.training.inputs import Inputs
from core.workspace import Workspace


@dataclass(slots=True)
class Run:
    """A training in progress."""

    config: TrainConfig
    network: EmbeddingNetwork
    device: Device
    inputs: Inputs
    train: NDArray[np.int64]
    """Rows of `inputs` that are learnt from."""

    validation: NDArray[np.int64]
    """Rows that choose the best epoch."""

    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    generator: torch.Generator
    history: list[dict[str, float]] = field(default_factory=list)
    """What was measured after each epoch."""

    best: int = -1
    """Position in `history` of the epoch whose weights are kept."""


def labelled_rows(dataset: Dataset) -> tuple[list[ImageRow], list[str]]:
    """Return the train and validation images, and the classes to be told apart.

    Raises:
        WorkbenchError: The dataset has fewer than two classes.
    """
    train = [row for row in dataset.catalog.rows(ImageFilter(splits=(Split.TRAIN,))) if row.label]
    classes = sorted({str(row.label) for row in train})
    if not classes:
        raise WorkbenchError(
            f"“{dataset.name}” has no labels to learn from.",
            "Training needs a dataset with a folder for each class.",
        )
    if len(classes) < 2:
        raise WorkbenchError(
            f"“{dataset.name}” has only one class, “{classes[0]}”.",
            "Training needs at least two classes to tell apart.",
        )
    validation = dataset.catalog.rows(ImageFilter(splits=(Split.VALIDATION,)))
    return train + [row for row in validation if row.label in set(classes)], classes


def network_config(config: TrainConfig, num_classes: int) -> NetworkConfig:
    return NetworkConfig(
        backbone=config.backbone,
        trainable_blocks=config.trainable_blocks,
        dimension=config.dimension,
        num_classes=num_classes,
        image_size=config.image_size,
    )


def load_weights(
    workspace: Workspace, network: EmbeddingNetwork, config: TrainConfig
) -> Work[None]:
    if config.weights == NO_WEIGHTS:
        return
    if config.weights == IMAGENET:
        path = yield from fetch_imagenet(workspace, config.backbone)
    else:
        path = Path(config.weights).expanduser()
    yield Progress(0, 0, "reading the pre-trained weights")
    network.load_trunk(read_trunk(path, config.backbone))


def start_run(
    config: TrainConfig,
    network: EmbeddingNetwork,
    device: Device,
    inputs: Inputs,
    rows: list[ImageRow],
) -> Run:
    in_train = np.array([row.split == Split.TRAIN for row in rows])
    train = np.flatnonzero(in_train & inputs.usable)
    trunk = list(network.tail.parameters())
    rest = [p for p in network.trained_parameters() if not any(p is q for q in trunk)]
    rates = [(rest, config.learning_rate), (trunk, config.trunk_learning_rate)]
    rates = [(parameters, rate) for parameters, rate in rates if parameters]
    groups = [{"params": parameters} for parameters, _ in rates]
    optimizer = torch.optim.AdamW(groups, weight_decay=config.weight_decay)
    steps = max(2, config.epochs * -(-len(train) // config.batch_size))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=[rate for _, rate in rates], total_steps=steps
    )
    return Run(
        config=config,
        network=network,
        device=device,
        inputs=inputs,
        train=train,
        validation=np.flatnonzero(~in_train & inputs.usable),
        optimizer=optimizer,
        schedule=schedule,
        generator=torch.Generator().manual_seed(config.seed),
    )
