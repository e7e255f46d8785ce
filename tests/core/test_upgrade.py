"""A workspace of release 0.1.0 opens, and everything in it can be used."""

import json
import re
import sqlite3
from contextlib import closing

import pytest

from core.artifacts.folders import list_artifacts, open_artifact
from core.artifacts.manifests import MANIFEST
from core.artifacts.upgrades import upgrade_manifest
from core.cli import main
from core.datasets import curation
from core.datasets.columns import SCHEMA_VERSION, ImageFilter, ImageStatus
from core.datasets.registry import (
    DESCRIPTION_VERSION,
    list_datasets,
    open_dataset,
    write_roots,
)
from core.errors import WorkbenchError
from core.jobs.records import list_records
from core.lineage.graph import read_lineage
from core.maps.files import open_map
from core.progress import finish
from core.quality.analysis import open_analysis
from core.training.runs import list_runs
from core.training.train import resume
from core.workspace import DISK_VERSION, VERSION_FILE, Workspace, open_workspace
from tests.support.old_workspace import INDEX, MODEL, old_workspace  # noqa: F401 - a fixture


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """Run a command that must end well; return what it printed."""
    assert main([*arguments, "--json"]) == 0, capsys.readouterr().err
    printed: dict[str, object] = json.loads(capsys.readouterr().out)
    return printed


@pytest.mark.slow
def test_every_artifact_is_upgraded_whole_and_its_references_still_hold(
    old_workspace: Workspace,  # noqa: F811
) -> None:
    lineage = read_lineage(old_workspace)
    assert lineage.damaged == []
    kinds = {kind: list_artifacts(parent) for kind, parent in old_workspace.artifacts.items()}
    assert {kind: len(found) for kind, (found, _) in kinds.items()} == {
        "model": 1,
        "embeddings": 2,
        "sweep": 1,
        "index": 3,
        "evaluation": 3,
        "map": 2,
        "analysis": 1,
    }
    for kind, (found, _) in kinds.items():
        for manifest in found:
            opened = open_artifact(old_workspace.artifacts[kind], manifest.id)
            assert (opened.kind, opened.disk_version) == (kind, DISK_VERSION)
    [index] = [made for made in lineage.indexes if made.id == INDEX]
    [model] = lineage.models
    assert index.made_from["model_fingerprint"] == model.fingerprint
    assert lineage.analysis_of(index) is not None
    assert len(lineage.maps_of(index)) == 2
    assert model.config["train"]["samples_per_class"] == 2
    assert index.config["nlist"] == 0
    baselines = [
        made.summary["baseline"] for made in lineage.evaluations if "baseline" in made.summary
    ]
    assert baselines == ["color histogram"]


def test_the_dataset_has_its_tags_splits_and_undo(
    old_workspace: Workspace,  # noqa: F811
) -> None:
    catalog = open_dataset(old_workspace, "shapes").catalog
    tags = curation.tags_of(catalog, range(1, 60))
    assert tags[1] == ["favorite"]
    assert curation.last_step(catalog) == "moved 1 image to test"
    rows = catalog.rows_by_id([5, 30, 40])
    assert rows[5].excluded
    assert rows[30].split == "test"
    assert rows[40].label == "circle"
    assert curation.undo(catalog) is not None


def test_the_dataset_and_its_catalog_are_of_the_present_version(
    old_workspace: Workspace,  # noqa: F811
) -> None:
    dataset = open_dataset(old_workspace, "shapes")
    before = len(dataset.catalog.rows(ImageFilter(status=ImageStatus.READABLE)))
    with closing(sqlite3.connect(dataset.catalog.path)) as connection:
        [(version,)] = connection.execute("PRAGMA user_version").fetchall()
    assert (version, before) == (SCHEMA_VERSION, dataset.catalog.count() + 1)
    description = dataset.folder / "dataset.json"
    assert "version" not in json.loads(description.read_text())
    write_roots(dataset, dataset.roots)
    assert json.loads(description.read_text())["version"] == DESCRIPTION_VERSION
    assert open_dataset(old_workspace, "shapes") == dataset


def test_a_newer_dataset_is_refused_with_one_sentence(
    old_workspace: Workspace,  # noqa: F811
) -> None:
    path = old_workspace.datasets / "shapes" / "dataset.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    with pytest.raises(WorkbenchError, match="“shapes” was made by a newer version"):
        open_dataset(old_workspace, "shapes")
    assert list_datasets(old_workspace) == []


def test_maps_findings_and_runs_open(
    old_workspace: Workspace,  # noqa: F811
) -> None:
    for manifest in list_artifacts(old_workspace.maps)[0]:
        assert open_map(old_workspace, manifest.id).neighbors.rows.shape[0] == 54
    [analysis] = list_artifacts(old_workspace.analyses)[0]
    assert len(open_analysis(old_workspace, analysis.id).image_ids) == 54
    assert {r.id: r.status for r in list_runs(old_workspace)} == {MODEL: "done", "paused": "paused"}


@pytest.mark.slow
def test_an_old_index_answers_and_is_updated(
    old_workspace: Workspace,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    dataset = open_dataset(old_workspace, "shapes")
    image = str(dataset.path_of(dataset.catalog.rows_by_id([1])[1]))
    found = run(capsys, "query", "--index", INDEX, image, "--k", "3")
    assert found["matches"][0]["similarity"] == pytest.approx(1, abs=1e-3)  # type: ignore[index]
    curation.exclude(dataset.catalog, [6])
    updated = run(capsys, "update-index", "--index", INDEX)
    assert updated["count"] == 53
    evaluated = run(capsys, "evaluate", "--index", str(updated["id"]))
    assert 0 <= float(str(evaluated["map_at_10"])) <= 1


@pytest.mark.slow
def test_a_paused_run_is_resumed(
    old_workspace: Workspace,  # noqa: F811
) -> None:
    from core.training.runs import change_run, read_run

    config = read_run(old_workspace, "paused").config | {"epochs": 3}
    change_run(old_workspace, "paused", config=config)
    manifest = finish(resume(old_workspace, "paused"))
    assert manifest.summary["epochs_trained"] == 3


@pytest.mark.slow
def test_jobs_are_listed_with_their_datasets(
    old_workspace: Workspace,  # noqa: F811
) -> None:
    jobs = list_records(old_workspace)
    assert {(job.verb, job.dataset) for job in jobs} == {("rescan", "shapes")}
    assert [job.disk_version for job in jobs] == [DISK_VERSION]


def test_a_newer_workspace_is_refused_with_one_sentence(workspace: Workspace) -> None:
    (workspace.home / "data").mkdir()
    (workspace.home / "data" / VERSION_FILE).write_text('{"version": 99}')
    with pytest.raises(WorkbenchError, match=re.escape("was made by a newer version")):
        open_workspace(workspace.home)


@pytest.mark.slow
def test_a_newer_artifact_is_listed_as_such(
    old_workspace: Workspace,  # noqa: F811
) -> None:
    path = old_workspace.maps / f"{INDEX}-pca" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"disk_version": 99}))
    [sentence] = read_lineage(old_workspace).damaged
    assert "was made by a newer version" in sentence


def test_a_recommendation_has_today_s_keys() -> None:
    candidate = {"name": "Flat", "recall_at_10": 1.0, "shortfalls": []}
    old = {
        "kind": "index",
        "config": {"kind": "flat", "lists": 0},
        "summary": {
            "advice": {
                "asked": {"recall": 0.95, "latency_ms": 1.0, "memory_mb": 0.0},
                "kept": True,
                "why": "it is exact",
                "chosen": "Flat",
                "num_queries": 250,
                "tried": [candidate],
            }
        },
        "files": {},
    }
    upgraded, _ = upgrade_manifest(old)
    assert upgraded["summary"]["recommendation"] == {
        "budget": {"recall": 0.95, "latency_ms": 1.0, "memory_mb": 0.0},
        "is_met": True,
        "reason": "it is exact",
        "index": "Flat",
        "num_queries": 250,
        "candidates": [candidate],
    }
