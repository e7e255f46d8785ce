"""What a training needs before anything is measured: weights that change, room on the disk."""

from dataclasses import dataclass

import numpy as np
import torch

from core.models.network import EmbeddingNetwork
from core.training.config import TrainConfig
from core.training.inputs import values_of
from core.training.setup import network_config


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirements:
    """What a training needs, reckoned from its settings."""

    num_trainable: int
    """Parameters that training changes."""

    num_frozen: int
    """Parameters that stay as they are."""

    cache_bytes: int
    """Room on the disk for decoded images or the frozen blocks' output, if none is kept yet."""


def training_requirements(
    config: TrainConfig, num_classes: int, num_train: int, num_validation: int
) -> Requirements:
    """Reckon up what a training needs; its numbers are never made, so this is quick.

    Args:
        config: What was chosen.
        num_classes: Classes to be told apart.
        num_train: Images that are learnt from.
        num_validation: Images that choose the best epoch; changed views leave them out.
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
