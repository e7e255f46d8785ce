"""The training loop, readable from top to bottom.

Shapes, in this file: N images, B images of a batch, D embedding dimensions.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from core.artifacts import Manifest, draft, publish
from core.datasets.registry import open_dataset
from core.embedder.devices import choose_device
from core.embedder.models import network_settings, write_weights
from core.embedder.network import EmbeddingNetwork
from core.embedder.preprocess import normalised
from core.errors import WorkbenchError
from core.metrics import leave_one_out
from core.progress import Measurement, Progress, Stop, Work
from core.training.augment import augmented
from core.training.config import TrainConfig
from core.training.inputs import prepare_inputs
from core.training.run import Run, labelled_rows, load_weights, network_config, start_run
from core.workspace import Workspace

METRICS = "metrics.jsonl"
STEPS_SHOWN_PER_EPOCH = 20
EVALUATION_BATCH = 64


def train(workspace: Workspace, config: TrainConfig) -> Work[Manifest]:
    """Train a model on a dataset's train images and save the best epoch's weights.

    The best epoch is the one with the highest mAP@10 among the validation images (each searched
    among the others); without validation images it is the last. Thrown a `Stop` after the first
    epoch, it saves the best one so far.

    Raises:
        MissingError: There is no such dataset or weights file.
        WorkbenchError: It has too few labelled train images, or the loss is no longer a number.
    """
    dataset = open_dataset(workspace, config.dataset)
    rows, classes = labelled_rows(dataset)
    fingerprint = dataset.catalog.fingerprint
    torch.manual_seed(config.seed)
    network = EmbeddingNetwork(network_config(config, len(classes)))
    yield from load_weights(workspace, network, config)
    device = choose_device()
    network.to(device.name)
    inputs = yield from prepare_inputs(workspace, dataset, rows, network, config.image_size, device)
    run = start_run(config, network, device, inputs, rows)
    with draft(workspace.models) as folder:
        write_weights(network, folder)
        try:
            for epoch in range(config.epochs):
                yield from _learn(run, epoch)
                measured = yield from _measure(run, epoch)
                _keep_if_best(run, measured, folder)
        except Stop:
            if not run.history:
                raise
        (folder / METRICS).write_text("".join(json.dumps(m) + "\n" for m in run.history))
        return publish(
            folder,
            kind="model",
            stem=f"{dataset.name[:40]}-{config.backbone}" + ("" if config.epochs else "-untrained"),
            config={"train": asdict(config), "network": network_settings(network.config)},
            made_from={"dataset": dataset.name, "dataset_fingerprint": fingerprint},
            summary=_summary(run, classes),
        )


def _learn(run: Run, epoch: int) -> Work[None]:
    """Pass once over the train images."""
    config = run.config
    run.network.train()
    steps = list(_shuffled_batches(run))
    seen, total = 0, len(run.train)
    loss_sum, correct, started = 0.0, 0, time.monotonic()
    for step, rows in enumerate(steps):
        values, labels = run.inputs.batch(rows, run.device)
        if values.dtype == torch.uint8:
            values = normalised(values)
            if config.augment:
                values = augmented(values, run.generator)
        with run.device.autocast():
            _, scores = run.network.embed_features(values)
        loss = functional.cross_entropy(
            scores.float(), labels, label_smoothing=config.label_smoothing
        )
        if not torch.isfinite(loss):
            raise WorkbenchError(
                f"The loss is no longer a number in epoch {epoch + 1}.",
                "Train again with a smaller learning rate.",
            )
        run.optimizer.zero_grad()
        loss.backward()
        run.optimizer.step()
        run.schedule.step()
        seen += len(rows)
        loss_sum += loss.item() * len(rows)
        correct += int((scores.argmax(dim=1) == labels).sum())
        speed = seen / (time.monotonic() - started)
        yield Progress(
            epoch * total + seen,
            config.epochs * total,
            f"epoch {epoch + 1} of {config.epochs} · {speed:.0f} images/s",
        )
        if (step + 1) % max(1, len(steps) // STEPS_SHOWN_PER_EPOCH) == 0:
            yield Measurement("step", {"epoch": epoch + seen / total, "loss": loss.item()})
    run.history.append(
        {
            "epoch": epoch + 1,
            "train_loss": loss_sum / seen,
            "train_accuracy": correct / seen,
            "images_per_second": seen / (time.monotonic() - started),
        }
    )


def _measure(run: Run, epoch: int) -> Work[dict[str, float]]:
    """Look at the validation images: loss, accuracy, and how well they find each other."""
    measured = run.history[-1]
    if len(run.validation):
        embeddings, scores = yield from _run_through(run, run.validation, epoch)
        labels = run.inputs.labels[run.validation]
        loss = functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels))
        measured["validation_loss"] = float(loss)
        measured["validation_accuracy"] = float((scores.argmax(axis=1) == labels).mean())
        retrieval = leave_one_out(embeddings, labels)
        if retrieval:
            measured["validation_map_at_10"] = retrieval["map_at_10"]
            measured["validation_recall_at_1"] = retrieval["recall_at_1"]
    yield Measurement("epoch", dict(measured))
    return measured


def _keep_if_best(run: Run, measured: dict[str, float], folder: Path) -> None:
    name = "validation_map_at_10"
    if run.best < 0 or measured.get(name, 1.0) >= run.history[run.best].get(name, 1.0):
        run.best = len(run.history) - 1
        write_weights(run.network, folder)


def _run_through(
    run: Run, rows: NDArray[np.int64], epoch: int
) -> Work[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Embed and classify without learning: (N, D) unit rows and (N, C) scores."""
    run.network.eval()
    embeddings, scores = [], []
    done = (epoch + 1) * len(run.train)
    for start in range(0, len(rows), EVALUATION_BATCH):
        values, _ = run.inputs.batch(rows[start : start + EVALUATION_BATCH], run.device)
        with torch.inference_mode(), run.device.autocast():
            if values.dtype == torch.uint8:
                values = normalised(values)
            unit, score = run.network.embed_features(values)
        embeddings.append(unit.float().cpu().numpy())
        scores.append(score.float().cpu().numpy())
        note = f"epoch {epoch + 1} of {run.config.epochs} · validating"
        yield Progress(done, run.config.epochs * len(run.train), note)
    return np.concatenate(embeddings), np.concatenate(scores)


def _shuffled_batches(run: Run) -> Iterator[NDArray[np.int64]]:
    order = run.train[torch.randperm(len(run.train), generator=run.generator).numpy()]
    for start in range(0, len(order), run.config.batch_size):
        rows = order[start : start + run.config.batch_size]
        if len(rows) > 1:  # Batch norm cannot learn from one image
            yield rows


def _summary(run: Run, classes: list[str]) -> dict[str, object]:
    best = run.history[run.best] if run.history else {}
    return {
        "classes": classes,
        "best_epoch": int(best.get("epoch", 0)),
        "epochs_trained": len(run.history),
        "num_train": len(run.train),
        "num_validation": len(run.validation),
        "num_problems": int((~run.inputs.usable).sum()),
        **{name: value for name, value in best.items() if name != "epoch"},
    }
