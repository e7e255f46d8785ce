"""Batch sampling: the batches of an epoch, and each process's part of a batch.

Shapes, in this file: N images, B images of a batch, C classes, m images of a class in a batch.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def shuffled(num_images: int, batch_size: int, generator: torch.Generator) -> list[Rows]:
    """Return an epoch of batches in random order, each image once.

    A last batch of one image is merged with the one before: batch norm needs at least two. The
    generator is on the CPU.

    Returns:
        (B,) int64 positions in 0..N-1 for each batch; the last may be shorter, or longer by one.

    Raises:
        ValueError: The batch size is below 2.
    """
    if batch_size < 2:
        raise ValueError(f"batch_size must be at least 2, got {batch_size}")
    order = torch.randperm(num_images, generator=generator).numpy()
    cuts = list(range(batch_size, num_images, batch_size))
    if cuts and num_images - cuts[-1] == 1:
        cuts.pop()
    return np.split(order, cuts) if num_images else []


def class_balanced(
    labels: Rows, batch_size: int, per_class: int, generator: torch.Generator
) -> list[Rows]:
    """Return an epoch of batches with equally many images of each of some classes.

    Each class's images are shuffled and cut into groups of m; a batch has groups of B // m classes
    (of all classes if there are fewer). Every image occurs at least once. Some are repeated: to
    fill the last group of their class, and when only a few large classes have groups left. The
    number of batches depends on the labels alone, so it is the same in every epoch.

    Args:
        labels: (N,) int64 class of each image.
        batch_size: B; the batches have B // m times m images.
        per_class: m, at least 2.
        generator: Random generator of the order, on the CPU.

    Returns:
        (B // m · m,) int64 positions in `labels` for each batch, class after class.

    Raises:
        ValueError: m is below 2, or a batch is too small for m images of two classes.
    """
    if per_class < 2:
        raise ValueError(f"per_class must be at least 2, got {per_class}")
    if batch_size < 2 * per_class:
        raise ValueError(f"batch_size must be at least {2 * per_class}, got {batch_size}")
    if not len(labels):
        return []
    classes = _members(labels)
    groups = [_groups(rows, per_class, generator) for rows in classes]
    num_groups = np.array([len(of_class) for of_class in groups])
    batches = []
    for chosen in _schedule(num_groups, batch_size // per_class, generator):
        taken = [
            groups[c].pop() if groups[c] else _filled(labels[:0], classes[c], per_class, generator)
            for c in chosen
        ]
        batches.append(np.concatenate(taken))
    return batches


def part_of_rank(batch: Rows, rank: int, world_size: int) -> Rows:
    """Return one process's part of a batch: equally large for all, and at least two images.

    It is every `world_size`-th image, so that a class-balanced batch stays mixed. A batch that
    cannot be divided evenly is filled up from its start, as torch's DistributedSampler does:
    losses that gather all embeddings need parts of one size, and batch norm needs two images.
    """
    if world_size == 1:
        return batch
    size = max(2, -(-len(batch) // world_size))
    return np.resize(batch, size * world_size)[rank::world_size]


def _members(labels: Rows) -> list[Rows]:
    """Return the positions of each class's images."""
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    return np.split(order, starts[1:])


def _groups(rows: Rows, size: int, generator: torch.Generator) -> list[Rows]:
    shuffled_rows = rows[torch.randperm(len(rows), generator=generator).numpy()]
    groups = np.split(shuffled_rows, range(size, len(rows), size))
    groups[-1] = _filled(groups[-1], rows, size, generator)
    return groups


def _filled(group: Rows, rows: Rows, size: int, generator: torch.Generator) -> Rows:
    """Fill a group with random images of its class, first with those not in it."""
    if len(group) == size:
        return group
    others = np.setdiff1d(rows, group)
    others = others[torch.randperm(len(others), generator=generator).numpy()]
    return np.resize(np.concatenate([group, others]), size)


def _schedule(num_groups: Rows, num_classes: int, generator: torch.Generator) -> Iterator[Rows]:
    """Choose the classes of each batch: none twice in a batch, and no group left over.

    A class with as many groups left as there are batches is in each of them; the others are drawn
    weighted by their groups left, so that large classes do not all come first.
    """
    left = num_groups.copy()
    num_classes = min(num_classes, len(left))
    num_batches = max(left.max(), -(-left.sum() // num_classes))
    for remaining in range(num_batches, 0, -1):
        # The smallest of exponential / weight are a weighted draw (Efraimidis & Spirakis 2006)
        keys = torch.empty(len(left)).exponential_(generator=generator).numpy()
        keys = np.where(left > 0, keys / np.maximum(left, 1), 1e30 * (1 + keys))
        keys[left >= remaining] = -1
        chosen = np.argpartition(keys, num_classes - 1)[:num_classes]
        left[chosen] = np.maximum(left[chosen] - 1, 0)
        yield chosen
