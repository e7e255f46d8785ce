"""Embedding speed from files to disk, beside a bare forward pass and a loop of single images.

    CALTECH101_ROOT=FOLDER python -m benchmarks.embedding [--images 256] [--copies 1] [--side 224]
        [--backbone vgg16]

256 images keep a CPU busy for minutes. On a GPU use `--images 0` and enough `--copies` for ten
seconds; all of them must fit into its memory, 0.6 MB each.

The bare pass runs the same network on tensors in memory (of the GPU, if there is one), in the same
precision, memory layout and batch size; the plain loop decodes and embeds one image after the other
in float32 and torch's own layout. The weights are random.
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
from torch import Tensor

from benchmarks.timing import seconds
from benchmarks.training import copy_part, square
from core.datasets.importing.caltech import find_root
from core.datasets.importing.scan import Source, add_folder
from core.datasets.layout import BACKGROUND
from core.datasets.splits import SplitConfig
from core.embeddings.config import EmbedConfig, Precision
from core.embeddings.embed import embed_dataset
from core.models.backbones import find_backbone
from core.models.batches import decode_batches
from core.models.devices import choose_device
from core.models.model import Model, load_model
from core.models.preprocessing import normalized
from core.progress import finish
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import Workspace

NAME = "part"
ROUNDS = 3
ONE_BY_ONE_IMAGES = 256
"""Enough for a speed; on a GPU there are thousands."""

AT_LEAST = {"cpu": 0.85, "cuda": 0.9}
ONE_BY_ONE = {Precision.FLOAT32: 1.2, Precision.BFLOAT16: 2.3}
"""Least ratio on a CPU; on a GPU a single image says nothing about it."""


def in_memory(model: Model, paths: list[Path]) -> list[Tensor]:
    """Return the images in batches, as the network takes them."""
    return [
        normalized(model.device.upload(batch.pixels), model.config.preprocessing)
        for batch in decode_batches(paths, model.config.preprocessing, model.device.batch_size)
    ]


def bare(model: Model, batches: list[Tensor], precision: Precision) -> float:
    """Return the seconds of the forward passes alone."""
    device = replace(model.device, bfloat16=precision == Precision.BFLOAT16)

    def work() -> None:
        with torch.inference_mode(), device.autocast():
            for batch in batches:
                model.network(batch)
            if device.name == "cuda":
                torch.cuda.synchronize()

    with torch.inference_mode(), device.autocast():
        model.network(batches[0])  # A GPU chooses its kernels
    return seconds(work)


def one_by_one(model: Model, paths: list[Path]) -> float:
    """Return the seconds of decoding and embedding one image after the other in float32."""
    network = model.network

    def work() -> None:
        with torch.inference_mode():
            for path in paths:
                pixels = square(path, model.config.image_size)[None]
                batch = normalized(
                    model.device.upload(np.ascontiguousarray(pixels)), model.config.preprocessing
                )
                network(batch.contiguous())[0].cpu()

    return seconds(work)


def ours(workspace: Workspace, model: Model, precision: Precision) -> float:
    """Return the seconds from files to published embeddings, without opening the model."""
    shutil.rmtree(workspace.embeddings, ignore_errors=True)
    opening = seconds(lambda: load_model(workspace, model.id))
    config = EmbedConfig(precision=precision)
    return seconds(lambda: finish(embed_dataset(workspace, NAME, model.id, config))) - opening


def copy_often(root: Path, target: Path, count: int) -> None:
    """Copy each image `count` times with different trailing bytes, so that each is embedded."""
    for image in root.rglob("*.jpg"):
        folder = target / image.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / f"{number}-{image.name}").write_bytes(image.read_bytes() + bytes(number))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=256, help="0: all")
    parser.add_argument("--copies", type=int, default=1, help="of each")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--backbone", default="vgg16")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = find_root(Path(os.environ["CALTECH101_ROOT"]))
        if options.images:
            copy_part(root, folder / "in", options.images)
            root = folder / "in"
        if options.copies > 1:
            copy_often(root, folder / "copies", options.copies)
            root = folder / "copies"
        workspace = Workspace(folder / "home")
        source = Source(root=root, left_out=(BACKGROUND,))
        dataset = finish(add_folder(workspace, NAME, source, SplitConfig()))
        config = TrainConfig(
            dataset=NAME,
            backbone=options.backbone,
            weights="none",
            trainable_blocks=find_backbone(options.backbone).num_blocks,
            epochs=0,
            image_size=options.side,
        )
        model = load_model(workspace, finish(train(workspace, config)).id)
        paths = [dataset.path_of(row) for row in dataset.catalog.rows()]
        precisions = [Precision.FLOAT32]
        if choose_device().bfloat16:
            precisions.append(Precision.BFLOAT16)
        print(
            f"{options.backbone} at {options.side} px, {len(paths)} images, median of {ROUNDS}, "
            f"on {on_what()}"
        )
        batches = in_memory(model, paths)
        for precision in precisions:
            report(workspace, model, paths, batches, precision)
    if choose_device().name != "cuda":
        print("On a GPU: not measured")


def report(
    workspace: Workspace,
    model: Model,
    paths: list[Path],
    batches: list[Tensor],
    precision: Precision,
) -> None:
    """Measure one precision, in turns, and print it."""
    plain = load_model(workspace, model.id)
    plain.network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    taken: dict[str, list[float]] = {"bare": [], "ours": [], "one": []}
    for _ in range(ROUNDS):
        taken["bare"].append(bare(model, batches, precision))
        taken["ours"].append(ours(workspace, model, precision))
        taken["one"].append(one_by_one(plain, paths[:ONE_BY_ONE_IMAGES]))
    counts = {"bare": len(paths), "ours": len(paths), "one": len(paths[:ONE_BY_ONE_IMAGES])}
    speed = {way: counts[way] / statistics.median(times) for way, times in taken.items()}
    print(
        f"{precision}: bare {speed['bare']:.1f} images/s, from files to disk {speed['ours']:.1f}, "
        f"one by one in float32 {speed['one']:.1f}"
    )
    kind = model.device.name
    judge("to the bare pass", speed["ours"] / speed["bare"], AT_LEAST.get(kind))
    to_one = ONE_BY_ONE[precision] if kind == "cpu" else None
    judge("to one by one", speed["ours"] / speed["one"], to_one)


def judge(what: str, ratio: float, least: float | None) -> None:
    """Print a ratio, and whether it holds if there is a limit."""
    verdict = "holds" if least is None or ratio >= least else "does not hold"
    print(f"  {what} {ratio:.2f}" + (f", at least {least}: {verdict}" if least else ""), flush=True)


def on_what() -> str:
    """Return the name of the device."""
    if choose_device().name == "cuda":
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} cores"


if __name__ == "__main__":
    main()
