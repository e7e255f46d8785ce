"""One process of a training step with every loss, started once per rank.

python -m tests.support.objective_rank RANK WORLD_SIZE FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

from core.training.losses import LOSSES
from core.training.objective import Objective
from core.training.sampling import part_of_rank

NUM_CLASSES, IMAGES, FEATURES, DIMENSION = 5, 24, 12, 16


class Head(nn.Module):
    """Features to unit embeddings and scores."""

    def __init__(self) -> None:
        super().__init__()
        self.project = nn.Linear(FEATURES, DIMENSION)
        self.classifier = nn.Linear(DIMENSION, NUM_CLASSES)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        unit = functional.normalize(self.project(features))
        return unit, self.classifier(16 * unit)


def one_step(metric: str, rank: int, world_size: int) -> dict[str, Tensor]:
    """Return the loss and the gradients of a rank's part of a batch."""
    torch.manual_seed(11)
    features, labels = torch.randn(IMAGES, FEATURES), torch.arange(IMAGES) % (NUM_CLASSES - 1)
    labels[0] = NUM_CLASSES - 1  # alone in its class
    head: nn.Module = Head()
    objective: nn.Module = Objective(
        metric, weight=0.7, num_classes=NUM_CLASSES, dimension=DIMENSION, label_smoothing=0.1
    )
    parameters = dict(head.named_parameters()) | dict(objective.named_parameters())
    if world_size > 1:
        head = DistributedDataParallel(head)
        if list(objective.parameters()):
            objective = DistributedDataParallel(objective)
    rows = torch.from_numpy(part_of_rank(np.arange(IMAGES), rank, world_size))
    embeddings, scores = head(features[rows])
    loss = objective(embeddings, scores, labels[rows])
    loss.backward()
    gradients = {name: parameter.grad for name, parameter in parameters.items()}
    return {"loss": loss.detach()} | {k: g.clone() for k, g in gradients.items() if g is not None}


def every_loss(rank: int, world_size: int) -> dict[str, Tensor]:
    """Return `one_step` of each loss, its name before each key."""
    return {
        f"{metric}/{key}": value
        for metric in LOSSES
        for key, value in one_step(metric, rank, world_size).items()
    }


def main() -> None:
    rank, world_size, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=world_size
    )
    save_file(every_loss(rank, world_size), folder / f"{rank}.safetensors")
    distributed.barrier()
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
