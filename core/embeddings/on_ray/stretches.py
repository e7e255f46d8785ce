"""Stretches: runs of files that one Ray task embeds."""

from collections.abc import Iterator

from core.models.devices import Device

BATCHES_PER_STRETCH = 4
"""Whole batches, so that each has the images that it has on one machine: embeddings differ in the
last bits with the size of the batch. Few, so that progress is smooth and nodes end together."""

ROUNDING = 1e-6
"""Ten tenths of a GPU are one."""


def stretch_length(worker_gpus: float) -> int:
    """Return the number of images in a stretch, by the device of the workers."""
    device = Device("cuda" if worker_gpus else "cpu", bfloat16=False)
    return BATCHES_PER_STRETCH * device.batch_size


def cut(count: int, length: int) -> Iterator[range]:
    """Divide range(count) into stretches of `length`; the last may be shorter."""
    return (range(start, min(start + length, count)) for start in range(0, count, length))


def num_slots(resources: list[dict[str, float]], worker_cpus: int, worker_gpus: float) -> int:
    """Return how many workers the nodes have room for.

    Args:
        resources: What each node has, by Ray's names: CPU, GPU.
        worker_cpus: What each worker takes.
        worker_gpus: What each worker takes.
    """
    slots = 0
    for node in resources:
        room = node.get("CPU", 0) // worker_cpus
        if worker_gpus:
            room = min(room, node.get("GPU", 0) / worker_gpus + ROUNDING)
        slots += int(room)
    return slots
