"""Quality of a training on cached features, beside a plain loop.

    CALTECH101_ROOT=FOLDER python -m benchmarks.training_quality

The backbone is pre-trained here, on other classes of Caltech-101. Then the last block is tuned for
ten epochs on new classes: by the workbench (frozen blocks computed once, in half precision), and by
a plain loop: the whole network on each image in each epoch, in float32. Initial weights, order,
optimizer and schedule are the same; the best epoch of each counts.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch.nn import functional

from core.datasets.importing.caltech import find_root
from core.datasets.importing.scan import Source, add_folder
from core.datasets.layout import BACKGROUND
from core.datasets.registry import open_dataset
from core.datasets.splits import SplitConfig
from core.metrics.measures import leave_one_out
from core.models.backbone_weights import read_backbone
from core.models.batches import load_square
from core.models.devices import Device
from core.models.model import WEIGHTS
from core.models.network import EmbeddingNetwork
from core.models.preprocessing import Preprocessing, normalized
from core.progress import finish
from core.training.augment import augmented
from core.training.augment_config import OFF
from core.training.config import TrainConfig
from core.training.inputs import Inputs
from core.training.presets import FROM_SCRATCH
from core.training.runs import MAP, list_runs, read_metrics
from core.training.setup import (
    Setup,
    batches_of,
    labeled_rows,
    network_config,
    open_fabric,
    seed_of,
    set_up,
)
from core.training.train import train
from core.workspace import Workspace

KNOWN, NEW = "known", "new"
SIDE = 64
INPUT = Preprocessing(image_size=SIDE)
SEEDS = (0, 1, 2)
MOST_LOST = 0.01
"""By how much mAP@10 may be lower."""


def import_classes(
    workspace: Workspace, root: Path, name: str, classes: list[Path], most: int
) -> None:
    """Make a dataset of the first images of some classes."""
    for folder in classes:
        (root / name / folder.name).mkdir(parents=True)
        for image in sorted(folder.glob("*.jpg"))[:most]:
            shutil.copy(image, root / name / folder.name)
    splits = SplitConfig(validation=0.3, test=0.0)
    finish(add_folder(workspace, name, Source(root=root / name), splits))


def pretrained(workspace: Workspace, epochs: int) -> Path:
    """Train a backbone from scratch; return its weights file, keyed as torchvision does."""
    settings = FROM_SCRATCH | {"image_size": SIDE, "epochs": epochs, "batch_size": 32}
    model = finish(train(workspace, TrainConfig(dataset=KNOWN, **settings)))
    print(f"classes of the pre-training: mAP@10 {model.summary[MAP]:.3f}", flush=True)
    tensors = load_file(workspace.models / model.id / WEIGHTS)
    backbone = {
        key.removeprefix("tail."): value
        for key, value in tensors.items()
        if key.startswith("tail.")
    }
    path = workspace.home / "backbone.safetensors"
    save_file(backbone, path)
    return path


def ours(workspace: Workspace, config: TrainConfig) -> float:
    """Train by the workbench; return the best mAP@10."""
    finish(train(workspace, config))
    return max(epoch[MAP] for epoch in read_metrics(workspace, list_runs(workspace)[0].id))


def plain(workspace: Workspace, config: TrainConfig) -> float:
    """Train by the plain loop; return the best mAP@10."""
    dataset = open_dataset(workspace, NEW)
    rows, classes = labeled_rows(dataset)
    pixels = np.stack([load_square(dataset.path_of(row), INPUT) for row in rows])
    labels = np.array([classes.index(str(row.label)) for row in rows])
    torch.manual_seed(config.seed)
    network = EmbeddingNetwork(network_config(config, len(classes)))
    network.load_backbone(read_backbone(Path(config.weights), config.backbone))
    inputs = Inputs((pixels,), labels, labels, np.ones(len(rows), np.bool_))
    fabric = open_fabric(Device("cpu", bfloat16=False))
    setup = set_up(config, workspace.home, fabric, network, inputs, rows)
    best = 0.0
    for epoch in range(config.epochs):
        _plain_epoch(setup, pixels, epoch)
        embeddings = _embed(setup, pixels[setup.validation])
        best = max(best, leave_one_out(embeddings, labels[setup.validation])["map_at_10"])
    return best


def _plain_epoch(setup: Setup, pixels: NDArray[np.uint8], epoch: int) -> None:
    config, labels = setup.config, setup.inputs.labels
    setup.network.train()
    for step, batch in enumerate(batches_of(config, labels[setup.train], epoch)):
        rows = setup.train[batch]
        values = normalized(torch.from_numpy(pixels[rows]), INPUT)
        if config.augmentation != OFF:
            generator = torch.Generator().manual_seed(seed_of(config.seed, epoch, step))
            values = augmented(values, generator, INPUT, config.augmentation)
        _, scores = setup.network(values)
        functional.cross_entropy(scores, torch.from_numpy(labels[rows])).backward()
        setup.optimizer.step()
        setup.optimizer.zero_grad()
        setup.schedule.step()


def _embed(setup: Setup, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    setup.network.eval()
    with torch.inference_mode():
        parts = [
            setup.network(normalized(part, INPUT))[0] for part in torch.from_numpy(pixels).split(64)
        ]
    found: NDArray[np.float32] = torch.cat(parts).numpy()
    return found


def compare(workspace: Workspace, title: str, config: TrainConfig) -> None:
    """Print the mAP@10 of both with each seed."""
    configs = [replace(config, seed=seed) for seed in SEEDS]
    reached = {
        "plain": [plain(workspace, each) for each in configs],
        "ours": [ours(workspace, each) for each in configs],
    }
    print(f"\n{title}: validation mAP@10")
    for name, values in reached.items():
        seeds = " ".join(f"{value:.3f}" for value in values)
        print(f"  {name:<6} {seeds}  mean {statistics.mean(values):.4f}")
    lost = statistics.mean(reached["plain"]) - statistics.mean(reached["ours"])
    verdict = "holds" if lost <= MOST_LOST else "does not hold"
    print(f"  ours less plain {-lost:+.4f}, at least {-MOST_LOST}: {verdict}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", type=int, default=30, help="classes of the pre-training")
    parser.add_argument("--new", type=int, default=20, help="classes of the comparison")
    parser.add_argument("--most", type=int, default=40, help="images of a class")
    parser.add_argument("--epochs", type=int, default=8, help="of the pre-training")
    options = parser.parse_args()
    root = find_root(Path(os.environ["CALTECH101_ROOT"]))
    classes = [path for path in sorted(root.iterdir()) if path.name != BACKGROUND]
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(Path(name) / "home")
        new, known = classes[: options.new], classes[options.new :][: options.known]
        import_classes(workspace, Path(name), KNOWN, known, options.most)
        import_classes(workspace, Path(name), NEW, new, options.most)
        backbone = pretrained(workspace, options.epochs)
        classic = TrainConfig(
            dataset=NEW, backbone="vgg16_bn", weights=str(backbone), image_size=SIDE
        )
        compare(workspace, "images as they are", classic)
        compare(workspace, "light augmentation, two views", replace(classic, augment="light"))


if __name__ == "__main__":
    main()
