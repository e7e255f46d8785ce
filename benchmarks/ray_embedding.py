"""Embedding by Ray's workers on this machine beside the local engine, on the same cores.

    CALTECH101_ROOT=FOLDER python -m benchmarks.ray_embedding [--images 2000] [--rounds 3]

Both run `python -m core embed` in turns, each time from the files to published embeddings, which
are compared bit by bit. A speed is that of the manifest: from the first image that is read, without
opening the model and starting workers; the whole command is printed beside it. There is a worker
for each core, with one thread of torch and one decoding process; the local engine has a thread and
a decoding process for each core. The weights are random.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import NUM_CORES
from benchmarks.training import copy_part
from core.datasets.importing.caltech import find_root
from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.embeddings.files import open_embeddings
from core.models.backbones import find_backbone
from core.progress import finish
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import PROJECT, Workspace

NAME = "part"
LEAST = 0.85
"""Least speed of Ray, as a share of the local engine's."""

ENGINES = {
    "local": ("--engine", "local"),
    "ray": ("--engine", "ray", "--address", "local", "--workers", str(NUM_CORES)),
}


def embed(workspace: Workspace, model: str, options: tuple[str, ...]) -> dict[str, Any]:
    """Embed all images from the start; return the result and the seconds of the whole command."""
    shutil.rmtree(workspace.embeddings, ignore_errors=True)
    command = [sys.executable, "-m", "core", "embed", "--home", str(workspace.home), "--json"]
    source = ["--dataset", NAME, "--model", model, "--precision", "float32"]
    started = time.perf_counter()
    ended = subprocess.run(
        [*command, *source, *options],
        cwd=PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": str(NUM_CORES)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(ended.stdout)
    return result | {"whole": time.perf_counter() - started}


def make_workspace(folder: Path, options: argparse.Namespace) -> tuple[Workspace, str]:
    """Make a workspace with the images and an untrained model; return it and the model's id."""
    copy_part(find_root(Path(os.environ["CALTECH101_ROOT"])), folder / "in", options.images)
    workspace = Workspace(folder / "home")
    finish(add_folder(workspace, NAME, Source(root=folder / "in"), SplitConfig()))
    config = TrainConfig(
        dataset=NAME,
        backbone=options.backbone,
        weights="none",
        trainable_blocks=find_backbone(options.backbone).num_blocks,
        epochs=0,
        image_size=options.side,
    )
    return workspace, finish(train(workspace, config)).id


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--side", type=int, default=224)
    options = parser.parse_args()
    speeds: dict[str, list[float]] = {name: [] for name in ENGINES}
    wholes: dict[str, list[float]] = {name: [] for name in ENGINES}
    rows: list[NDArray[np.float32]] = []
    with tempfile.TemporaryDirectory() as folder:
        workspace, model = make_workspace(Path(folder), options)
        for _ in range(options.rounds):
            for name, engine in ENGINES.items():
                result = embed(workspace, model, engine)
                speeds[name].append(result["images_per_second"])
                wholes[name].append(result["whole"])
                rows.append(np.array(open_embeddings(workspace, result["id"]).vectors))
                print(f"  {name}: {speeds[name][-1]:.1f} images/s", flush=True)
    print(f"{options.backbone} at {options.side} px, {len(rows[0])} images, {NUM_CORES} cores")
    for name in ENGINES:
        speed, whole = statistics.median(speeds[name]), statistics.median(wholes[name])
        print(f"  {name:<6} {speed:7.1f} images/s, whole command {whole:6.1f} s")
    ratios = [ours / theirs for ours, theirs in zip(speeds["ray"], speeds["local"], strict=True)]
    ratio = statistics.median(ratios)
    verdict = "holds" if ratio >= LEAST else "does not hold"
    print(f"  ratio {ratio:.2f} (of each round {', '.join(f'{each:.2f}' for each in ratios)})")
    print(f"  limit {LEAST}: {verdict}")
    same = all(np.array_equal(each, rows[0]) for each in rows)
    print(f"  bits {'are' if same else 'are not'} the same in all runs")


if __name__ == "__main__":
    main()
