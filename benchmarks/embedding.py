"""Embedding from files to disk, beside the bare forward pass and the one-at-a-time loop.

    CALTECH101_ROOT=FOLDER python -m benchmarks.embedding [--images 256] [--side 224]

The bare pass runs the same network on tensors that lie in memory, in the same precision and memory
layout; the plain loop decodes one image, embeds it in float32 as torch lays it out, and goes on to
the next. The weights are random: none of the ways knows.
"""

import argparse
import os
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch

from benchmarks.training import copy_part, square
from benchmarks.yardstick import seconds
from core.datasets.caltech import find_root
from core.datasets.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.embedder.batches import load_square
from core.embedder.devices import choose_device
from core.embedder.models import Model, load_model
from core.embedder.preprocess import normalised
from core.progress import finish
from core.training.config import TrainConfig
from core.training.train import train
from core.vectors.embed_config import EmbedConfig, Precision
from core.vectors.embedding import BATCH_SIZE
from core.vectors.embeddings import embed_dataset
from core.workspace import Workspace

NAME = "part"
ROUNDS = 3
AT_LEAST = 0.85
ONE_BY_ONE = {Precision.FLOAT32: 1.2, Precision.BFLOAT16: 2.3}


def bare(model: Model, paths: list[Path], precision: Precision) -> float:
    """Return the seconds of the forward passes alone."""
    side = model.config.image_size
    pixels = np.stack([load_square(path, side) for path in paths])
    batches = [
        normalised(torch.from_numpy(pixels[at : at + BATCH_SIZE]))
        for at in range(0, len(pixels), BATCH_SIZE)
    ]

    def work() -> None:
        is_half = precision == Precision.BFLOAT16
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=is_half):
            for batch in batches:
                model.network(batch)

    return seconds(work)


def one_by_one(model: Model, paths: list[Path]) -> float:
    """Return the seconds of decoding and embedding one image after the other in float32."""
    network = model.network

    def work() -> None:
        with torch.inference_mode():
            for path in paths:
                pixels = square(path, model.config.image_size)[None]
                network(normalised(torch.from_numpy(np.ascontiguousarray(pixels))).contiguous())

    return seconds(work)


def ours(workspace: Workspace, model: Model, precision: Precision) -> float:
    """Return the seconds from files to published embeddings, the model's opening left out."""
    shutil.rmtree(workspace.embeddings, ignore_errors=True)
    opening = seconds(lambda: load_model(workspace, model.id))
    config = EmbedConfig(precision=precision)
    return seconds(lambda: finish(embed_dataset(workspace, NAME, model.id, config))) - opening


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--side", type=int, default=224)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_part(find_root(Path(os.environ["CALTECH101_ROOT"])), folder / "in", options.images)
        workspace = Workspace(folder / "home")
        finish(add_folder(workspace, NAME, Source(root=folder / "in"), SplitConfig()))
        config = TrainConfig(
            dataset=NAME, weights="none", trainable_blocks=5, epochs=0, image_size=options.side
        )
        model = load_model(workspace, finish(train(workspace, config)).id)
        paths = sorted((folder / "in").rglob("*.jpg"))
        precisions = [Precision.FLOAT32]
        if choose_device().bfloat16:
            precisions.append(Precision.BFLOAT16)
        print(f"VGG-16 at {options.side} px, {len(paths)} images, median of {ROUNDS}")
        for precision in precisions:
            report(workspace, model, paths, precision)
    print("On a GPU: not measured" if choose_device().name != "cuda" else "")


def report(workspace: Workspace, model: Model, paths: list[Path], precision: Precision) -> None:
    """Measure in turns and print one precision."""
    plain = load_model(workspace, model.id)
    plain.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    taken: dict[str, list[float]] = {"bare": [], "ours": [], "one": []}
    for _ in range(ROUNDS):
        taken["bare"].append(bare(model, paths, precision))
        taken["ours"].append(ours(workspace, model, precision))
        taken["one"].append(one_by_one(plain, paths))
    speed = {way: len(paths) / statistics.median(times) for way, times in taken.items()}
    to_bare, to_one = speed["ours"] / speed["bare"], speed["ours"] / speed["one"]
    least = ONE_BY_ONE[precision]
    print(
        f"{precision}: bare {speed['bare']:.1f} images/s, from files to disk {speed['ours']:.1f}, "
        f"one by one in float32 {speed['one']:.1f}\n"
        f"  to the bare pass {to_bare:.2f}, at least {AT_LEAST}: "
        f"{'holds' if to_bare >= AT_LEAST else 'does not hold'}\n"
        f"  to one by one {to_one:.2f}, at least {least}: "
        f"{'holds' if to_one >= least else 'does not hold'}",
        flush=True,
    )


if __name__ == "__main__":
    main()
