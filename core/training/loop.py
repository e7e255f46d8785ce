"""The training loop.

All random draws depend on seed, epoch and step alone, so that a run resumed from its saved state
reaches the same weights.

Shapes, in this file: B images of a batch.
"""

import time
from contextlib import closing
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.models.preprocessing import normalized
from core.options import fits, from_json
from core.progress import Measurement, Progress, Stop, Work, format_rate
from core.training.augment import augmented
from core.training.augment_config import OFF
from core.training.inputs import TrainBatch, on_device, prefetch
from core.training.sampling import part_of_rank
from core.training.setup import UNITS, Setup, batches_of, seed_of
from core.training.state import damaged_state, load_state, save_state

STEPS_SHOWN_PER_EPOCH = 20
SAVE_EVERY_S = 60.0
MAX_PARTS = 64
"""Most parts that a batch is split into before training fails for lack of memory."""


@dataclass(slots=True)
class Epoch:
    """Progress of an epoch; saved with the state of a run."""

    number: int
    """Number of the epoch, from 0."""

    step: int = 0
    """Number of the next step."""

    seen: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    waiting: float = 0.0
    """Seconds of those spent waiting for the next batch."""

    def begin(self, number: int) -> None:
        """Reset to the start of an epoch."""
        self.number, self.step, self.seen = number, 0, 0
        self.loss_sum, self.correct, self.seconds, self.waiting = 0.0, 0, 0.0, 0.0


def train_epoch(setup: Setup, epoch: Epoch) -> Work[None]:
    """Train to the end of an epoch, and save the state every minute."""
    setup.module.train()
    saved = time.monotonic()
    steps = steps_of(setup, epoch.number)
    show_every = max(1, len(steps) // STEPS_SHOWN_PER_EPOCH)
    with closing(prefetch(setup.inputs, steps[epoch.step :])) as batches:
        started = time.monotonic()
        for batch in batches:
            epoch.waiting += time.monotonic() - started
            loss = _count(epoch, batch, train_batch(setup, batch, epoch))
            epoch.seconds += time.monotonic() - started
            if time.monotonic() - saved > SAVE_EVERY_S:
                saved = time.monotonic()
                save(setup, epoch)
            stopped = False
            try:
                if epoch.step % show_every == 0:
                    yield Measurement("step", _step_figures(setup, epoch, loss, len(steps)))
                yield _progress(setup, epoch, len(steps))
            except Stop:
                stopped = True
            if any_process(setup, stopped):  # All stop at the same step, or some would wait
                raise Stop
            started = time.monotonic()


def steps_of(setup: Setup, epoch: int) -> list[tuple[NDArray[np.int64], int]]:
    """Return this process's rows and seed of each step of an epoch; deterministic."""
    fabric, labels = setup.fabric, setup.inputs.labels[setup.train]
    return [
        (
            part_of_rank(setup.train[batch], fabric.global_rank, fabric.world_size),
            seed_of(setup.config.seed, epoch, step) + fabric.global_rank,
        )
        for step, batch in enumerate(batches_of(setup.config, labels, epoch), 1)
    ]


def _count(epoch: Epoch, batch: TrainBatch, result: tuple[float, int]) -> float:
    """Add a batch's loss and correct predictions to its epoch's; return the loss."""
    loss, correct = result
    epoch.step += 1
    epoch.seen += len(batch)
    epoch.loss_sum += loss * len(batch)
    epoch.correct += correct
    return loss


def figures(setup: Setup, epoch: Epoch) -> dict[str, float]:
    """Return an epoch's training metrics."""
    return {
        "epoch": epoch.number + 1,
        "train_loss": epoch.loss_sum / max(1, epoch.seen),
        "train_accuracy": epoch.correct / max(1, epoch.seen),
        "images_per_second": epoch.seen / max(1e-9, epoch.seconds),
        "learning_rate": float(setup.schedule.get_last_lr()[0]),
        "batch_parts": setup.parts,
        "seconds": epoch.seconds,
        "waiting_share": epoch.waiting / max(1e-9, epoch.seconds),
    }


def save(setup: Setup, epoch: Epoch) -> None:
    """Save the state that the training can be resumed from.

    Raises:
        OSError: The disk is full.
    """
    if setup.fabric.is_global_zero:
        facts = {"epoch": asdict(epoch), "history": setup.history, "best": setup.best}
        save_state(setup.folder, setup.state, facts)


def resume_epoch(setup: Setup) -> Epoch:
    """Load the saved state, if there is one; return the epoch to resume with."""
    facts = load_state(setup.folder, setup.state)
    if facts is None:
        return Epoch(0)
    try:
        epoch, history, best = from_json(Epoch, facts["epoch"]), facts["history"], facts["best"]
    except (KeyError, TypeError) as error:
        raise damaged_state(setup.folder) from error
    if not fits(history, list[dict[str, float]]) or not fits(best, int):
        raise damaged_state(setup.folder)
    setup.history, setup.best = history, best
    return epoch


def any_process(setup: Setup, stopped: bool) -> bool:
    """Return whether any process is stopped; every one must call it at the same step."""
    return bool(_sum_of_all(setup, float(stopped)))


def _sum_of_all(setup: Setup, value: float) -> float:
    """Return the sum of all processes' values."""
    if setup.fabric.world_size == 1:
        return value
    total = setup.fabric.all_reduce(torch.tensor(value), reduce_op="sum")
    return float(torch.as_tensor(total).item())


def train_batch(setup: Setup, batch: TrainBatch, epoch: Epoch) -> tuple[float, int]:
    """Train on one batch; return its loss and the number of correct predictions.

    Raises:
        WorkbenchError: The loss is no longer a number, or there is no memory for two images.
    """
    while True:
        try:
            loss, correct = _backward(setup, batch)
            break
        except torch.OutOfMemoryError as error:
            setup.optimizer.zero_grad()
            if setup.parts >= min(MAX_PARTS, len(batch) // 2):
                raise WorkbenchError(
                    "The GPU has too little memory for two images at once.",
                    "Choose a smaller image size or fewer trainable blocks.",
                ) from error
            setup.parts *= 2
            torch.cuda.empty_cache()
    if not np.isfinite(_sum_of_all(setup, loss)):  # All fail together, or some would wait
        raise WorkbenchError(
            f"The loss is not finite in epoch {epoch.number + 1}.",
            "Train again with a smaller learning rate, or with gradient clipping at norm 1.",
        )
    if setup.config.max_gradient_norm:
        parameters = [p for group in setup.optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, setup.config.max_gradient_norm)
    setup.optimizer.step()
    setup.optimizer.zero_grad()
    setup.schedule.step()
    return loss, correct


def _backward(setup: Setup, batch: TrainBatch) -> tuple[float, int]:
    """Accumulate the gradients of a batch, in as many parts as the memory requires."""
    config, fabric = setup.config, setup.fabric
    torch.manual_seed(batch.seed)  # For dropout
    generator = torch.Generator()
    generator.set_state(batch.generator.get_state())  # The batch may be repeated in smaller parts
    total, correct = 0.0, 0
    parts = batch.values.tensor_split(setup.parts)
    for part, numbers in zip(parts, batch.labels.tensor_split(setup.parts), strict=True):
        values = on_device(part, fabric.device)
        labels = numbers.to(fabric.device, non_blocking=True)
        if values.dtype == torch.uint8:
            preprocessing = setup.network.config.preprocessing
            values = normalized(values, preprocessing)
            if config.augmentation != OFF:
                values = augmented(values, generator, preprocessing, config.augmentation)
        loss, scores = setup.module(values, labels)
        share = len(part) / len(batch)
        fabric.backward(loss * share)
        total += float(loss.detach()) * share
        correct += int((scores.argmax(dim=1) == labels).sum())
    return total, correct


def _step_figures(setup: Setup, epoch: Epoch, loss: float, num_steps: int) -> dict[str, float]:
    return {
        "epoch": epoch.number + epoch.step / num_steps,
        "loss": loss,
        "learning_rate": float(setup.schedule.get_last_lr()[0]),
    }


def _progress(setup: Setup, epoch: Epoch, num_steps: int) -> Progress:
    config, speed = setup.config, epoch.seen / max(1e-9, epoch.seconds)
    note = f"epoch {epoch.number + 1} of {config.epochs} · {format_rate(speed)} images/s"
    if setup.parts > 1:
        note += f" · low memory: batches in {setup.parts} parts"
    done = round(UNITS * (epoch.number + epoch.step / num_steps))
    return Progress(done, UNITS * config.epochs, note)
