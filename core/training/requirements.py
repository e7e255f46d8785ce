"""Requirements of a training, computed from its settings: parameters and disk space."""

from dataclasses import dataclass

import numpy as np
import torch

from core.models.network import EmbeddingNetwork
from core.training.config import TrainConfig
from core.training.inputs import values_of
from core.training.setup import network_config


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

    Args:
        config: Settings of the training.
        num_classes: Number of classes.
        num_train: Number of train images.
        num_validation: Number of validation images, which have no augmented views.
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
