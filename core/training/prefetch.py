"""The batches of an epoch, each read from disk while the one before it is learnt from.

Shapes, in this file: B images of a batch.
"""

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.training.inputs import Inputs


@dataclass(frozen=True, slots=True)
class TrainBatch:
    """What one step learns from."""

    values: Tensor
    """(B, …) as `Inputs.read` has them, in the processor's memory."""

    labels: Tensor
    """(B,) int64 class numbers."""

    seed: int
    """Fixes what is drawn at random in this step."""

    generator: torch.Generator
    """Begun with that seed; it has drawn the views and goes on with the changes."""

    def __len__(self) -> int:
        return len(self.labels)


def read_batch(inputs: Inputs, rows: NDArray[np.int64], seed: int) -> TrainBatch:
    """Read the rows that a step learns from; which view of each is drawn by the seed."""
    generator = torch.Generator().manual_seed(seed)
    values, labels = inputs.read(rows, generator)
    if torch.cuda.is_available():  # Only pinned memory is copied while the card computes
        values, labels = values.pin_memory(), labels.pin_memory()
    return TrainBatch(values, labels, seed, generator)


def prefetch(
    inputs: Inputs, steps: Sequence[tuple[NDArray[np.int64], int]]
) -> Generator[TrainBatch, None, None]:
    """Return the batches of some steps, each the rows and the seed, one step ahead of the caller.

    Close it to end early.
    """
    with ThreadPoolExecutor(1) as reader:  # One: the files are for one thread at a time
        waiting = None
        for rows, seed in steps:
            following = reader.submit(read_batch, inputs, rows, seed)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
