"""From a folder of photographs to search with the starter backbone: time and quality.

    CALTECH101_ROOT=FOLDER python -m benchmarks.quickstart [--home FOLDER] [--seeds 3] [--fine-tune]

The first seed starts with nothing cached: import, features, head, embeddings, index, evaluation,
map, verification. The bare forward pass is measured beside it on random pixels, in batches of the
same size and in the same precision. Further seeds split the images anew and reuse the features. At
last, the protocol of 30 train images a class, and the embeddings without labels: a whitened PCA of
each split. With `--fine-tune`, the preset Starter, fine-tuned on each split, too.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import mean

import torch

from core.artifacts.manifests import Manifest
from core.datasets.importing.caltech import find_root
from core.datasets.importing.scan import add_folder
from core.datasets.importing.sources import folder_source
from core.datasets.registry import open_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.embed import embed_dataset
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.models.backbone_model_config import BackboneModelConfig
from core.models.backbone_models import fit_backbone_model
from core.models.devices import choose_device
from core.models.model import load_model
from core.pipeline.quickstart import quickstart
from core.pipeline.stages import Made, Stage
from core.progress import Progress, Work, finish
from core.training.config import TrainConfig
from core.training.presets import PRESETS, STARTER
from core.training.train import train
from core.workspace import Workspace

BARE_SECONDS = 20
PER_CLASS = 30
"""Train images of each class in the usual protocol of Caltech-101."""

MEASURES = (
    *("recall_at_1", "recall_at_1_macro", "map_at_10", "map_at_10_macro"),
    *("classifier_accuracy", "classifier_accuracy_macro"),
)


def timed(work: Work[Made]) -> tuple[Made, dict[str, float]]:
    """Run a pipeline; return what it made, and stage → seconds from the start to its begin."""
    started, begun = time.perf_counter(), dict[str, float]()
    while True:
        try:
            event = next(work)
        except StopIteration as end:
            begun["end"] = time.perf_counter() - started
            made: Made = end.value
            return made, begun
        if isinstance(event, Progress):
            begun.setdefault(event.note.split(":")[0], time.perf_counter() - started)


def bare_rate(workspace: Workspace, model_id: str) -> float:
    """Return images/s of the backbone alone."""
    model, device = load_model(workspace, model_id), choose_device()
    side = model.config.image_size
    pixels = torch.randn(device.batch_size, 3, side, side).to(memory_format=torch.channels_last)
    done, started = 0, time.perf_counter()
    with torch.inference_mode(), device.autocast():
        while time.perf_counter() - started < BARE_SECONDS:
            model.network.extract_features(pixels)
            done += len(pixels)
    return done / (time.perf_counter() - started)


def compare_with_backbone(workspace: Workspace, made: Made, begun: dict[str, float]) -> None:
    """Print the images/s of the first run beside those of the bare backbone."""
    count = open_dataset(workspace, "seed-0").catalog.count()
    rate = bare_rate(workspace, made["model"].id)
    spent = begun["Building the index"] - begun["Training the head"]
    print(
        f"{torch.get_num_threads()} cores, bfloat16 {choose_device().bfloat16}; "
        f"{count / spent:.1f} images/s with the head, {rate:.1f} of the bare backbone: "
        f"{count / spent / rate:.2f}",
        flush=True,
    )


def measured(manifests: list[Manifest], title: str) -> None:
    """Print the mean of each measure."""
    figures = [
        f"{name} {mean(each.summary[name] for each in manifests):.4f}"
        for name in MEASURES
        if name in manifests[0].summary
    ]
    print(f"{title}, mean of {len(manifests)}: {', '.join(figures)}", flush=True)


def without_labels(workspace: Workspace, name: str) -> Manifest:
    """Evaluate a whitened PCA of the starter's features."""
    config = BackboneModelConfig(
        dataset=name, backbone="efficientnet_lite0", pooling="own", whiten=True, max_images=100_000
    )
    model = finish(fit_backbone_model(workspace, config))
    embeddings = finish(embed_dataset(workspace, name, model.id))
    return finish(evaluate(workspace, EvaluateConfig(embeddings=embeddings.id)))


def fine_tuned(workspace: Workspace, name: str) -> Manifest:
    """Train the preset Starter, fine-tuned, and evaluate it."""
    started = time.perf_counter()
    config = TrainConfig(dataset=name, **PRESETS[STARTER].settings)
    model = finish(train(workspace, config))
    print(f"{name}: fine-tuned in {time.perf_counter() - started:.0f} s", flush=True)
    embeddings = finish(embed_dataset(workspace, name, model.id))
    return finish(evaluate(workspace, EvaluateConfig(embeddings=embeddings.id)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and quality of the quick start.")
    parser.add_argument("--home", type=Path, help="Workspace; by default a new one.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--fine-tune", action="store_true")
    options = parser.parse_args()
    root = find_root(Path(os.environ["CALTECH101_ROOT"]))
    workspace = Workspace(options.home or Path(tempfile.mkdtemp()))
    source = folder_source(root)
    evaluations, of_protocol = [], []

    def run(name: str, splits: SplitConfig) -> tuple[Made, dict[str, float]]:
        def add(_: Made) -> Work[None]:
            yield from add_folder(workspace, name, source, splits)

        return timed(quickstart(workspace, name, [Stage("Importing", 5, add)]))

    for seed in range(options.seeds):
        made, begun = run(f"seed-{seed}", SplitConfig(seed=seed))
        evaluations.append(made["evaluation"])
        print(f"seed {seed}: " + ", ".join(f"{s} {t:.0f} s" for s, t in begun.items()), flush=True)
        if seed == 0:
            compare_with_backbone(workspace, made, begun)
    for seed in range(options.seeds):
        splits = SplitConfig(seed=seed, train_per_class=PER_CLASS, validation=0, test=0.2)
        of_protocol.append(run(f"protocol-{seed}", splits)[0]["evaluation"])
    measured(evaluations, "Instant")
    measured(of_protocol, f"Instant, {PER_CLASS} train images a class, the rest as queries")
    names = [f"seed-{seed}" for seed in range(options.seeds)]
    measured([without_labels(workspace, name) for name in names], "PCA, whitened")
    if options.fine_tune:
        measured([fine_tuned(workspace, name) for name in names], "Starter, fine-tuned")


if __name__ == "__main__":
    main()
