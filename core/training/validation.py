"""Validation after an epoch: classification and retrieval metrics of the validation images.

Shapes, in this file: V validation images, D embedding dimensions, C classes.
"""

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from torch.nn import functional

from core.metrics.measures import leave_one_out
from core.models.preprocessing import normalized
from core.progress import Measurement, Progress, Work
from core.training.history import write_epoch
from core.training.inputs import on_device
from core.training.runs import MAP, RECALL
from core.training.setup import UNITS, Setup

BATCH = 64


def measure(setup: Setup, measured: dict[str, float]) -> Work[dict[str, float]]:
    """Add the validation metrics of an epoch to its training metrics, and save the embeddings.

    `measured` has the epoch's number, from 1, as `epoch`. Return all metrics of the epoch.
    """
    measured["memory_mb"] = psutil.Process().memory_info().rss / 1e6
    if len(setup.validation):
        embeddings, scores = yield from _evaluate(setup, measured["epoch"])
        labels = setup.inputs.labels[setup.validation]
        loss = functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(labels))
        predicted = scores.argmax(axis=1)
        measured["validation_loss"] = float(loss)
        measured["validation_accuracy"] = float((predicted == labels).mean())
        retrieval = leave_one_out(embeddings, labels)
        if retrieval:
            measured[MAP] = retrieval["map_at_10"]
            measured[RECALL] = retrieval["recall_at_1"]
        if setup.fabric.is_global_zero:
            write_epoch(setup.folder, int(measured["epoch"]), embeddings, labels, predicted)
    yield Measurement("epoch", dict(measured))
    return measured


def _evaluate(setup: Setup, epoch: float) -> Work[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Embed and classify the validation images: (V, D) unit rows and (V, C) scores."""
    setup.module.eval()
    embeddings, scores = [], []
    rows = setup.validation
    for start in range(0, len(rows), BATCH):
        batch, _ = setup.inputs.read(rows[start : start + BATCH])
        values = on_device(batch, setup.fabric.device)
        with torch.inference_mode(), setup.fabric.autocast():
            if values.dtype == torch.uint8:
                values = normalized(values, setup.network.config.preprocessing)
            unit, score = setup.network.embed_features(values)
        embeddings.append(unit.float().cpu().numpy())
        scores.append(score.float().cpu().numpy())
        note = f"epoch {epoch:.0f} of {setup.config.epochs} · validating"
        yield Progress(round(UNITS * epoch), UNITS * setup.config.epochs, note)
    return np.concatenate(embeddings), np.concatenate(scores)
