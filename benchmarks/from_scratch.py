"""Training from scratch on all of Caltech-101: quality and time.

    CALTECH101_ROOT=FOLDER python -m benchmarks.from_scratch [--home FOLDER] [--preset scratch]

70 % of the images are for training, 10 % for choosing the epoch, 20 % for testing: the classifier
classifies them, and they query the exact index of the train images. `--home` may be the workspace
of an earlier run; what it has is not made again.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from core.artifacts.folders import list_artifacts
from core.datasets.columns import ImageFilter, Split
from core.datasets.importing.caltech import find_root
from core.datasets.importing.scan import Source, add_folder
from core.datasets.layout import BACKGROUND
from core.datasets.registry import list_datasets, open_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.embed import embed_dataset
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.models.batches import decode_batches
from core.models.model import load_model
from core.progress import Progress, Work, finish
from core.training.config import TrainConfig
from core.training.presets import PRESETS
from core.training.runs import list_runs, read_metrics
from core.training.train import train
from core.workspace import Workspace

NAME = "caltech101"
WANTED = {"accuracy": 0.77, "recall_at_1": 0.76}


def followed(work: Work[Any]) -> None:
    """Run a training to its end, printing its progress once a minute."""
    shown = time.perf_counter()
    for event in work:
        if isinstance(event, Progress) and time.perf_counter() - shown > 60:
            print(f"  {event.fraction:4.0%} {event.note}", flush=True)
            shown = time.perf_counter()


def classified(workspace: Workspace, model_id: str) -> dict[str, float]:
    """Return the classifier's accuracy on the test images, micro and macro average."""
    dataset, model = open_dataset(workspace, NAME), load_model(workspace, model_id)
    rows = dataset.catalog.rows(ImageFilter(splits=(Split.TEST,)))
    paths = [dataset.path_of(row) for row in rows]
    right = np.zeros(len(rows))
    for batch in decode_batches(paths, model.config.preprocessing, 64):
        for at, column in zip(
            batch.positions, model.embed(batch.pixels)[1].argmax(axis=1), strict=True
        ):
            right[at] = model.classes[column] == rows[at].label
    _, group = np.unique([str(row.label) for row in rows], return_inverse=True)
    by_class = np.bincount(group, right) / np.bincount(group)
    return {"accuracy": float(right.mean()), "accuracy_macro": float(by_class.mean())}


def main() -> None:
    """Train unless there is a model, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--preset", default="scratch")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        workspace = Workspace(options.home or Path(name))
        if not list_datasets(workspace):
            source = Source(
                root=find_root(Path(os.environ["CALTECH101_ROOT"])), left_out=(BACKGROUND,)
            )
            finish(add_folder(workspace, NAME, source, SplitConfig()))
        if not list_artifacts(workspace.models)[0]:
            settings = PRESETS[options.preset].settings
            followed(train(workspace, TrainConfig(dataset=NAME, **settings)))
        model = list_artifacts(workspace.models)[0][0]
        embeddings = finish(embed_dataset(workspace, NAME, model.id))
        index = finish(build_index(workspace, embeddings.id, IndexConfig()))
        reached = classified(workspace, model.id)
        reached |= finish(evaluate(workspace, EvaluateConfig(index=index.id))).summary
        epochs = read_metrics(workspace, list_runs(workspace)[0].id)
        minutes = sum(epoch["seconds"] for epoch in epochs) / 60
        print(f"{options.preset}: {len(epochs)} epochs in {minutes:.1f} min")
        for measure in ("accuracy", "recall_at_1", "map_at_10"):
            wanted = WANTED.get(measure)
            judged = f"  at least {wanted}: {reached[measure] >= wanted}" if wanted else ""
            print(
                f"  {measure:12} {reached[measure]:.4f}, by class "
                f"{reached[f'{measure}_macro']:.4f}{judged}"
            )


if __name__ == "__main__":
    main()
