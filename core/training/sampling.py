"""Which images make up the batches of an epoch, and which part of a batch a process takes.

Shapes, in this file: N images, B images of a batch, C classes, m images of a class in a batch.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

Rows = NDArray[np.int64]


def shuffled(num_images: int, batch_size: int, generator: torch.Generator) -> list[Rows]:
    """Return an epoch of batches in random order, each image once.

    A last batch of one image joins the one before: batch norm cannot learn from one.

    Args:
        num_images: N.
        batch_size: B, at least 2.
        generator: Where the order comes from; on the CPU.

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

    Each class's images are shuffled and cut into groups of m; a batch takes groups of B // m
    classes (of all, where there are fewer). Every image comes once. Some come again: to fill the
    last group of their class, and where only a few large classes have groups left. How many
    batches there are follows from the labels alone, so it is the same in every epoch.

    Args:
        labels: (N,) int64 class of each image.
        batch_size: B; the batches have B // m times m images.
        per_class: m, at least 2.
        generator: Where the order comes from; on the CPU.

    Returns:
        (B // m · m,) int64 positions in `labels` for each batch, class after class.

    Raises:
        ValueError: m is below 2, or a batch has no room for m images of two classes.
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
    """Return one process's share of a batch, as large as every other's and at least two images.

    Every `world_size`-th image, so that a class-balanced batch stays mixed. A batch that cannot
    be shared out evenly is filled up from its beginning, as torch's DistributedSampler does:
    losses that gather all embeddings need parts of one size, and batch norm needs two images.
    """
    if world_size == 1:
        return batch
    size = max(2, -(-len(batch) // world_size))
    return np.resize(batch, size * world_size)[rank::world_size]


def _members(labels: Rows) -> list[Rows]:
    """The positions of each class's images."""
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    return np.split(order, starts[1:])


def _groups(rows: Rows, size: int, generator: torch.Generator) -> list[Rows]:
    shuffled_rows = rows[torch.randperm(len(rows), generator=generator).numpy()]
    groups = np.split(shuffled_rows, range(size, len(rows), size))
    groups[-1] = _filled(groups[-1], rows, size, generator)
    return groups


def _filled(group: Rows, rows: Rows, size: int, generator: torch.Generator) -> Rows:
    """Add images of the class, at random, those first that the group does not have."""
    if len(group) == size:
        return group
    others = np.setdiff1d(rows, group)
    others = others[torch.randperm(len(others), generator=generator).numpy()]
    return np.resize(np.concatenate([group, others]), size)


def _schedule(num_groups: Rows, wanted: int, generator: torch.Generator) -> Iterator[Rows]:
    """Choose the classes of each batch so that no class meets itself and no group is left over.

    A class with as many groups left as there are batches must be in each of them; the other
    places are drawn by how many groups are left, so that large classes do not all come first.
    """
    left = num_groups.copy()
    wanted = min(wanted, len(left))
    num_batches = max(left.max(), -(-left.sum() // wanted))
    for remaining in range(num_batches, 0, -1):
        # Exponential over weight: the smallest are a weighted draw (Efraimidis & Spirakis 2006)
        keys = torch.empty(len(left)).exponential_(generator=generator).numpy()
        keys = np.where(left > 0, keys / np.maximum(left, 1), 1e30 * (1 + keys))
        keys[left >= remaining] = -1
        chosen = np.argpartition(keys, wanted - 1)[:wanted]
        left[chosen] = np.maximum(left[chosen] - 1, 0)
        yield chosen
