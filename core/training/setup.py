"""Setup of a training: network, data, loss and optimizer; `loop.py` trains with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from numpy.typing import NDArray
from torch import Tensor, distributed, nn

from core.datasets.columns import ImageFilter, ImageRow, Split
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.jobs.ranks import read_ranks
from core.models.backbone_weights import load_backbone
from core.models.devices import Device
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.pretrained import NO_WEIGHTS
from core.progress import Work
from core.training.config import Schedule, TrainConfig
from core.training.depthwise import train_depthwise_in_float32
from core.training.inputs import Inputs
from core.training.objective import Objective
from core.training.sampling import class_balanced, shuffled
from core.training.state import TrainingState
from core.workspace import Workspace

WARM_UP: dict[str, float] = {Schedule.ONE_CYCLE: 0.3, Schedule.COSINE: 0.05}
"""Share of the steps in which the learning rate rises; PyTorch's default for one-cycle."""

UNITS = 1000
"""Units of progress in an epoch."""


class TrainingModule(nn.Module):
    """Network and loss as one module, so that Fabric wraps both."""

    def __init__(self, network: EmbeddingNetwork, objective: Objective) -> None:
        super().__init__()
        self.network = network
        self.objective = objective

    def forward(self, values: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch and its (B, C) class scores."""
        unit, scores = self.network.embed_features(values)
        with torch.autocast(values.device.type, enabled=False):
            loss: Tensor = self.objective(unit.float(), scores.float(), labels)
        return loss, scores


@dataclass(slots=True)
class Setup:
    """A training in progress."""

    config: TrainConfig
    folder: Path
    """Folder of the run."""

    fabric: Fabric
    module: nn.Module
    """A `TrainingModule`, wrapped by Fabric."""

    network: EmbeddingNetwork
    """The network inside it."""

    objective: Objective
    inputs: Inputs
    train: NDArray[np.int64]
    """Rows of `inputs` to train on."""

    validation: NDArray[np.int64]
    """Rows that determine the best epoch."""

    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    history: list[dict[str, float]] = field(default_factory=list)
    """Metrics of each epoch."""

    best: int = -1
    """Position in `history` of the epoch whose weights are saved; -1 before the first."""

    parts: int = 1
    """Parts that a batch is split into for lack of memory."""

    @property
    def state(self) -> TrainingState:
        """Return everything that is saved to resume the training."""
        modules = {**self.network.trainable_parts, "objective": self.objective}
        return TrainingState(modules=modules, optimizer=self.optimizer, schedule=self.schedule)


def labeled_rows(dataset: Dataset) -> tuple[list[ImageRow], list[str]]:
    """Return the labeled train and validation images, and the classes.

    Raises:
        WorkbenchError: The dataset has fewer than two classes.
    """
    train = [row for row in dataset.catalog.rows(ImageFilter(splits=(Split.TRAIN,))) if row.label]
    classes = sorted({str(row.label) for row in train})
    if not classes:
        raise WorkbenchError(
            f"“{dataset.name}” has no labels.",
            "Label images on the Datasets page, or import a dataset with class folders.",
        )
    if len(classes) < 2:
        raise WorkbenchError(
            f"“{dataset.name}” has only one class, “{classes[0]}”.",
            "Training needs at least two classes.",
        )
    validation = dataset.catalog.rows(ImageFilter(splits=(Split.VALIDATION,)))
    return train + [row for row in validation if row.label in set(classes)], classes


def network_config(config: TrainConfig, num_classes: int) -> NetworkConfig:
    """Return the settings of the network."""
    return NetworkConfig(
        backbone=config.backbone,
        trainable_blocks=config.trainable_blocks,
        dimension=config.dimension,
        batch_norm=config.batch_norm,
        num_classes=num_classes,
        image_size=config.image_size,
        dropout=config.dropout,
    )


def load_weights(
    workspace: Workspace, network: EmbeddingNetwork, config: TrainConfig
) -> Work[None]:
    """Load the pre-trained weights, if the config has any."""
    if config.weights != NO_WEIGHTS:
        backbone = yield from load_backbone(
            workspace, config.backbone, config.weights, config.image_size
        )
        network.load_backbone(backbone)


def open_fabric(device: Device) -> Fabric:
    """Return Fabric for the processes that torchrun or srun started, or for this one."""
    ranks = read_ranks()
    fabric = Fabric(
        accelerator={"cuda": "cuda", "mps": "mps"}.get(device.name, "cpu"),
        devices=ranks.per_node,
        num_nodes=ranks.num_nodes,
        strategy="ddp" if ranks.world_size > 1 else "auto",
        plugins=SLURMEnvironment() if ranks.by_slurm else None,
        precision="bf16-mixed" if device.bfloat16 else "32-true",
    )
    with other_processes():
        fabric.launch()
    return fabric


@contextmanager
def other_processes() -> Iterator[None]:
    """Translate the errors of PyTorch's backends when another process has ended.

    Raises:
        WorkbenchError: Another process of the training cannot be reached.
    """
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error):
            raise
        raise WorkbenchError(
            "Another process of this training has ended or cannot be reached.",
            "Resume the run, which continues from its last saved state.",
        ) from error


def set_up(
    config: TrainConfig,
    folder: Path,
    fabric: Fabric,
    network: EmbeddingNetwork,
    inputs: Inputs,
    rows: list[ImageRow],
) -> Setup:
    """Build the loss, optimizer and schedule of a training."""
    in_train = np.array([row.split == Split.TRAIN for row in rows])
    train = np.flatnonzero(in_train & inputs.usable)
    objective = Objective(
        config.metric_loss,
        weight=config.metric_loss_weight,
        num_classes=network.config.num_classes,
        dimension=config.dimension,
        label_smoothing=config.label_smoothing,
    )
    if fabric.device.type == "cpu":
        train_depthwise_in_float32(network.tail)
    module = TrainingModule(network, objective)
    optimizer = _optimizer(config, module)
    num_batches = len(batches_of(config, inputs.labels[train], epoch=0))
    steps = max(2, config.epochs * num_batches)
    rates = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=rates,
        total_steps=steps,
        pct_start=WARM_UP[config.schedule],
        cycle_momentum=config.schedule == Schedule.ONE_CYCLE,
    )
    wrapped, _ = fabric.setup(module, optimizer)  # Fabric does not change the optimizer
    return Setup(
        config=config,
        folder=folder,
        fabric=fabric,
        module=wrapped,
        network=network,
        objective=objective,
        inputs=inputs,
        train=train,
        validation=np.flatnonzero(~in_train & inputs.usable),
        optimizer=optimizer,
        schedule=schedule,
    )


def batches_of(
    config: TrainConfig, labels: NDArray[np.int64], epoch: int
) -> list[NDArray[np.int64]]:
    """Return an epoch's batches, as positions in `labels`; deterministic."""
    generator = torch.Generator().manual_seed(seed_of(config.seed, epoch, 0))
    if config.samples_per_class:
        return class_balanced(labels, config.batch_size, config.samples_per_class, generator)
    return shuffled(len(labels), config.batch_size, generator)


def seed_of(seed: int, epoch: int, step: int) -> int:
    """Return a seed for an epoch and step."""
    return int(np.random.SeedSequence((seed, epoch, step)).generate_state(1, np.uint32)[0])


def _optimizer(config: TrainConfig, module: TrainingModule) -> torch.optim.Optimizer:
    """Return AdamW with learning rates of the head, the backbone and the proxies."""
    backbone = [p for p in module.network.tail.parameters() if p.requires_grad]
    in_backbone = {id(parameter) for parameter in backbone}
    head = [p for p in module.network.trainable_parameters() if id(p) not in in_backbone]
    groups: list[dict[str, Any]] = [{"params": head, "lr": config.learning_rate}]
    if backbone:
        groups.append({"params": backbone, "lr": config.backbone_learning_rate})
    groups += module.objective.parameter_groups(config.learning_rate)
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay)
