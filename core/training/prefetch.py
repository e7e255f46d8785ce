"""Prefetching: the next batch of an epoch is read while the current one is trained on.

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
    """The batch of a step."""

    values: Tensor
    """(B, …) as `Inputs.read` returns them, on the CPU."""

    labels: Tensor
    """(B,) int64 class numbers."""

    seed: int
    """Seed of everything random in this step."""

    generator: torch.Generator
    """Seeded with it; it has drawn the views, and the augmentation draws from it next."""

    def __len__(self) -> int:
        return len(self.labels)


def read_batch(inputs: Inputs, rows: NDArray[np.int64], seed: int) -> TrainBatch:
    """Read the rows of a step; the seed determines which view of each."""
    generator = torch.Generator().manual_seed(seed)
    values, labels = inputs.read(rows, generator)
    if torch.cuda.is_available():  # Only pinned memory is copied asynchronously
        values, labels = values.pin_memory(), labels.pin_memory()
    return TrainBatch(values, labels, seed, generator)


def prefetch(
    inputs: Inputs, steps: Sequence[tuple[NDArray[np.int64], int]]
) -> Generator[TrainBatch, None, None]:
    """Yield the batches of some steps, given as rows and seed, read one step ahead of the caller.

    Close the generator to end early.
    """
    with ThreadPoolExecutor(1) as reader:  # One thread, as the files are not thread-safe
        waiting = None
        for rows, seed in steps:
            following = reader.submit(read_batch, inputs, rows, seed)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
