"""The quick start makes everything once, continues after a stop, and does without labels."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter
from core.datasets.curation import relabel
from core.datasets.registry import open_dataset
from core.embeddings.files import open_embeddings
from core.errors import WorkbenchError
from core.lineage.graph import read_lineage
from core.models.batches import load_square
from core.models.model import load_model
from core.pipeline.quickstart import quickstart
from core.pipeline.rebuild import rebuild
from core.pipeline.stages import Made
from core.progress import Progress, Stop, Work, finish
from core.training.presets import HEAD_ONLY
from core.workspace import PROJECT, Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders

STAGES = ["Training", "Embedding", "Building", "Evaluating", "Mapping", "Verifying"]
KINDS = {"model", "embeddings", "index", "evaluation", "map"}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small images and few epochs."""
    monkeypatch.setitem(HEAD_ONLY, "image_size", 64)
    monkeypatch.setitem(HEAD_ONLY, "epochs", 3)


def artifacts_of(workspace: Workspace) -> list[Manifest]:
    folders = (
        *(workspace.models, workspace.embeddings, workspace.indexes),
        *(workspace.evaluations, workspace.maps),
    )
    return [artifact for folder in folders for artifact in list_artifacts(folder)[0]]


@pytest.fixture
def colors(workspace: Workspace, tmp_path: Path) -> str:
    return bring_in(workspace, class_folders(tmp_path / "in", red=12, green=12, blue=12)).name


@pytest.mark.slow
def test_every_stage_makes_an_artifact_that_is_used_again(
    workspace: Workspace, colors: str
) -> None:
    made = finish(quickstart(workspace, colors))
    assert made.keys() == KINDS
    assert made["model"].summary["classes"] == ["blue", "green", "red"]
    assert made["index"].summary["count"] == 36
    assert made["evaluation"].summary["num_queries"] > 0
    again = finish(quickstart(workspace, colors))
    assert {kind: each.id for kind, each in again.items()} == {
        kind: each.id for kind, each in made.items()
    }
    assert len(artifacts_of(workspace)) == len(KINDS)


@pytest.mark.slow
def test_features_are_computed_once_and_give_the_same_embeddings(
    workspace: Workspace, colors: str
) -> None:
    made = finish(quickstart(workspace, colors))
    trained = made["model"].summary["num_train"] + made["model"].summary["num_validation"]
    assert made["embeddings"].summary["num_reused"] == trained
    embeddings = open_embeddings(workspace, made["embeddings"].id)
    dataset, model = open_dataset(workspace, colors), load_model(workspace, made["model"].id)
    rows = dataset.catalog.rows_by_id(embeddings.image_ids.tolist())
    pixels = np.stack(
        [
            load_square(dataset.path_of(rows[int(at)]), model.config.preprocessing)
            for at in embeddings.image_ids
        ]
    )
    expected, _ = model.embed(pixels, bfloat16=model.device.bfloat16)
    similarity = (embeddings.vectors * expected).sum(axis=1)
    assert similarity.min() > 0.998  # In bfloat16, where there is, rounding depends on the batch


def stop_at(stage: str, work: Work[Made]) -> None:
    """Run a pipeline, and throw a stop into it at each step of a stage."""
    event = next(work)
    while True:
        is_begun = isinstance(event, Progress) and event.note.startswith(stage)
        event = work.throw(Stop()) if is_begun else next(work)


@pytest.mark.slow
@pytest.mark.parametrize("stage", STAGES[:-1])
def test_a_stopped_pipeline_continues_where_it_was(
    workspace: Workspace, colors: str, stage: str
) -> None:
    with pytest.raises(Stop):
        stop_at(stage, quickstart(workspace, colors))
    before = artifacts_of(workspace)
    assert len(before) < len(KINDS)
    made = finish(quickstart(workspace, colors))
    assert made.keys() == KINDS
    whole = [each for each in before if each.kind != "model" or each.summary["epochs_trained"] == 3]
    assert {each.id for each in whole} <= {each.id for each in made.values()}


KILLED = """
import os, signal, sys
from pathlib import Path
from core.pipeline.quickstart import quickstart
from core.progress import Progress
from core.training.presets import HEAD_ONLY
from core.workspace import Workspace
home, name, stage = sys.argv[1:]
HEAD_ONLY.update(image_size=64, epochs=3)
for event in quickstart(Workspace(Path(home)), name):
    if isinstance(event, Progress) and event.note.startswith(stage):
        os.kill(os.getpid(), signal.SIGKILL)
"""
"""Runs a pipeline that is killed in a stage."""


@pytest.mark.slow
def test_a_pipeline_that_is_killed_in_every_stage_continues_where_it_was(
    workspace: Workspace, colors: str
) -> None:
    for place, stage in enumerate(STAGES):
        command = [sys.executable, "-c", KILLED, str(workspace.home), colors, stage]
        ended = subprocess.run(command, cwd=PROJECT, check=False, timeout=120)
        assert ended.returncode == -signal.SIGKILL
        assert len(artifacts_of(workspace)) == min(place, len(KINDS))
    made = finish(quickstart(workspace, colors))
    assert {each.id for each in made.values()} == {each.id for each in artifacts_of(workspace)}


@pytest.mark.slow
def test_progress_of_the_whole_only_grows(workspace: Workspace, colors: str) -> None:
    shares = [
        event.fraction for event in quickstart(workspace, colors) if isinstance(event, Progress)
    ]
    assert shares == sorted(shares)
    assert shares[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize("labeled", [False, True])
def test_without_two_classes_the_head_is_a_whitened_pca(
    workspace: Workspace, tmp_path: Path, labeled: bool
) -> None:
    folder = class_folders(tmp_path / "in", red=20)
    name = bring_in(workspace, folder if labeled else folder / "red").name
    made = finish(quickstart(workspace, name))
    assert made.keys() >= {"model", "embeddings", "index", "map"}
    assert made["model"].config["backbone_model"]["whiten"]
    assert made["model"].summary["classes"] == []
    assert made["embeddings"].summary["num_reused"] == made["model"].summary["num_train"]


def test_too_few_images_are_one_sentence(workspace: Workspace, tmp_path: Path) -> None:
    name = bring_in(workspace, class_folders(tmp_path / "in", red=3)).name
    with pytest.raises(WorkbenchError, match="need at least 9 readable train images"):
        finish(quickstart(workspace, name))


@pytest.mark.slow
def test_only_what_is_stale_is_rebuilt(workspace: Workspace, colors: str) -> None:
    made = finish(quickstart(workspace, colors))
    same = finish(rebuild(workspace, made["index"].id))
    assert {kind: each.id for kind, each in same.items()} == {
        kind: each.id for kind, each in made.items()
    }
    dataset = open_dataset(workspace, colors)
    first, *_ = dataset.catalog.rows(ImageFilter(labels=("red",)))
    relabel(dataset.catalog, [first.id], "green")
    rebuilt = finish(rebuild(workspace, made["index"].id))
    assert rebuilt.keys() == KINDS
    assert not {each.id for each in rebuilt.values()} & {each.id for each in made.values()}
    lineage = read_lineage(workspace)
    assert not any(lineage.stale_reason(each) for each in rebuilt.values())
