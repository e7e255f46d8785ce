"""Speed of ten epochs of the preset *classic*, beside a plain loop.

    CALTECH101_ROOT=FOLDER python -m benchmarks.training [--images 512]

The plain loop decodes with Pillow, resizes, and runs the whole network in float32 on each image in
each epoch, forward, and backward through the same trainable layers; one epoch is timed and counted
ten times. The weights are random.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from benchmarks.timing import seconds
from benchmarks.training_parts import compare_parts, report_waiting
from core.datasets.importing.caltech import find_root
from core.datasets.importing.scan import Source, add_folder
from core.datasets.layout import BACKGROUND
from core.datasets.registry import open_dataset
from core.datasets.splits import SplitConfig
from core.models.devices import choose_device
from core.models.network import EmbeddingNetwork
from core.models.preprocessing import Preprocessing, normalized
from core.models.vision import models
from core.progress import Progress, finish
from core.training.config import TrainConfig
from core.training.runs import list_runs, read_metrics
from core.training.setup import labeled_rows, network_config
from core.training.train import train
from core.workspace import Workspace

INPUT = Preprocessing(image_size=64)

NAME = "part"
PER_CLASS = 16
NUM_EPOCHS = 10


def copy_part(root: Path, target: Path, num_images: int) -> None:
    """Copy the first `PER_CLASS` images of each of the first classes, `num_images` in all."""
    classes = [path for path in sorted(root.iterdir()) if path.name != BACKGROUND]
    for folder in classes[: -(-num_images // PER_CLASS)]:
        (target / folder.name).mkdir(parents=True)
        for image in sorted(folder.glob("*.jpg"))[:PER_CLASS]:
            shutil.copy(image, target / folder.name)


def square(path: Path, side: int) -> NDArray[np.uint8]:
    """Decode, resize the shorter side and center-crop, as torchvision's presets do."""
    image = Image.open(path).convert("RGB")
    scale = side * 256 / 224 / min(image.size)
    size = (max(side, round(image.width * scale)), max(side, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(image.crop((left, top, left + side, top + side))).transpose(2, 0, 1)


def plain_batches(
    paths: list[Path], labels: list[int], config: TrainConfig
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches as a plain loader without workers."""
    order = np.random.default_rng(config.seed).permutation(len(paths))
    for start in range(0, len(order), config.batch_size):
        chosen = order[start : start + config.batch_size]
        pixels = np.stack([square(paths[i], config.image_size) for i in chosen])
        yield (
            normalized(torch.from_numpy(pixels), INPUT).contiguous(),
            torch.tensor([labels[i] for i in chosen]),
        )


def plain_epoch(workspace: Workspace, config: TrainConfig) -> float:
    """Train for one epoch by the plain loop; return the seconds."""
    dataset = open_dataset(workspace, NAME)
    rows, classes = labeled_rows(dataset)
    rows = [row for row in rows if row.split == "train"]
    network = EmbeddingNetwork(network_config(config, len(classes)))
    network = network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    trained = list(network.trainable_parameters())
    optimizer = torch.optim.AdamW(trained, config.learning_rate)
    paths = [dataset.path_of(row) for row in rows]
    labels = [classes.index(str(row.label)) for row in rows]
    network.train()

    def work() -> None:
        for pixels, targets in plain_batches(paths, labels, config):
            _, scores = network(pixels)
            functional.cross_entropy(scores, targets).backward()
            optimizer.step()
            optimizer.zero_grad()

    return seconds(work)


def ours(workspace: Workspace, config: TrainConfig) -> tuple[float, float]:
    """Train all epochs without a cache; return the seconds, and those of filling the cache."""
    shutil.rmtree(workspace.features, ignore_errors=True)
    started, cached = time.perf_counter(), 0.0
    work = train(workspace, config)
    for event in work:
        if isinstance(event, Progress) and event.note.startswith("epoch 1") and not cached:
            cached = time.perf_counter() - started
    return time.perf_counter() - started, cached


def compare(workspace: Workspace, title: str, config: TrainConfig, limit: float) -> None:
    """Print the time of ten epochs by the plain loop and by the workbench."""
    plain = NUM_EPOCHS * plain_epoch(workspace, config)
    whole, cached = ours(workspace, config)
    memory_mb = read_metrics(workspace, list_runs(workspace)[0].id)[-1]["memory_mb"]
    print(
        f"\n{title}\n  plain {plain:8.1f} s\n  ours  {whole:8.1f} s, of it "
        f"{cached:.1f} s for the frozen layers' output\n  ratio {plain / whole:.1f}, "
        f"at least {limit}: {'holds' if plain / whole >= limit else 'does not hold'}\n"
        f"  this process takes {memory_mb:.0f} MB of memory",
        flush=True,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--side", type=int, default=224)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_part(find_root(Path(os.environ["CALTECH101_ROOT"])), folder / "in", options.images)
        workspace = Workspace(folder / "home")
        splits = SplitConfig(validation=0.05, test=0.0)
        finish(add_folder(workspace, NAME, Source(root=folder / "in"), splits))
        weights = folder / "vgg16.safetensors"
        torch.manual_seed(0)
        state = models.vgg16(weights=None).features.state_dict()
        save_file({f"features.{key}": value for key, value in state.items()}, weights)
        classic = TrainConfig(
            dataset=NAME, weights=str(weights), epochs=NUM_EPOCHS, image_size=options.side
        )
        dataset = open_dataset(workspace, NAME)
        rows, classes = labeled_rows(dataset)
        paths = [dataset.path_of(row) for row in rows]
        compare_parts(paths, EmbeddingNetwork(network_config(classic, len(classes))), folder)
        report_waiting(workspace, classic)
        bf16 = choose_device().bfloat16
        print(
            f"\n{options.images} images, {NUM_EPOCHS} epochs, {'bfloat16' if bf16 else 'float32'}"
        )
        for title, config, limit in (
            ("the last block, one view", classic, 8 if bf16 else 3),
            (
                "the last block, two views",
                replace(classic, augment="light", views=2),
                8 if bf16 else 3,
            ),
            ("the head only, one view", replace(classic, trainable_blocks=0), 20 if bf16 else 8),
        ):
            compare(workspace, title, config, limit)


if __name__ == "__main__":
    main()
