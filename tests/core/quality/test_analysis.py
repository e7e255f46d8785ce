"""Analyses: made, opened, canceled and refused; and the commands."""

import csv
from pathlib import Path

import numpy as np
import pytest

from core.cli import main
from core.datasets import curation
from core.datasets.registry import open_dataset
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.indexes.deletion import delete_index
from core.lineage.disk_use import disk_use
from core.lineage.graph import delete_with_dependents, read_lineage
from core.progress import Progress, finish
from core.quality.analysis import Analysis, analyze, open_analysis
from core.quality.config import AnalysisConfig
from core.workspace import Workspace
from tests.factories.embeddings import DATASET, clusters
from tests.factories.quality import indexed_set
from tests.factories.rows import image_row
from tests.factories.vectors import at_angles


def analyzed(workspace: Workspace, count: int = 60) -> Analysis:
    """An analysis of four classes of images; image 1 has the class of image 2."""
    found = [image_row(number, f"class {number % 4}") for number in range(count)]
    found[0] = image_row(0, "class 1")
    index, _ = indexed_set(workspace, found, clusters(count, num_classes=4))
    made = finish(analyze(workspace, AnalysisConfig(index=index.id, neighbors=5)))
    return open_analysis(workspace, made.id)


def test_an_analysis_is_saved_with_its_lineage(workspace: Workspace) -> None:
    analysis = analyzed(workspace)
    assert analysis.image_ids.tolist() == list(range(1, 61))
    assert analysis.neighbors.rows.shape == analysis.neighbors.similarities.shape == (60, 5)
    assert analysis.outlierness.shape == analysis.clusters.shape == (60,)
    assert analysis.manifest.summary["count"] == 60
    assert analysis.manifest.kind == "analysis"
    lineage = read_lineage(workspace)
    [index] = lineage.indexes
    assert lineage.analysis_of(index) == analysis.manifest
    assert lineage.dependents_of_index(index) == [analysis.manifest]
    assert disk_use(workspace).by_kind["Analysis"] > 0


def test_labels_do_not_make_an_analysis_stale_and_other_images_do(workspace: Workspace) -> None:
    manifest = analyzed(workspace).manifest
    catalog = open_dataset(workspace, DATASET).catalog
    curation.relabel(catalog, [1], "class 0")
    assert manifest.made_from["dataset_fingerprint"] == catalog.images_fingerprint
    curation.exclude(catalog, [2])
    assert manifest.made_from["dataset_fingerprint"] != catalog.images_fingerprint


def test_an_analysis_is_deleted_with_its_dataset(workspace: Workspace) -> None:
    analyzed(workspace)
    delete_with_dependents(workspace, DATASET, delete_index)
    assert not list(workspace.analyses.iterdir())


def test_the_number_of_neighbors_is_limited_by_the_number_of_images(workspace: Workspace) -> None:
    index, _ = indexed_set(
        workspace, [image_row(n) for n in range(5)], at_angles(0, 30, 60, 90, 120)
    )
    made = finish(analyze(workspace, AnalysisConfig(index=index.id, neighbors=50)))
    assert made.summary["neighbors"] == 4


def test_too_few_images_are_refused(workspace: Workspace) -> None:
    index, _ = indexed_set(workspace, [image_row(n) for n in range(4)], at_angles(0, 30, 60, 90))
    with pytest.raises(WorkbenchError, match="at least 5 different images; the index has 4"):
        finish(analyze(workspace, AnalysisConfig(index=index.id)))
    assert not list(workspace.analyses.glob("*"))


def test_copies_do_not_count_as_different_images(workspace: Workspace) -> None:
    copies = [image_row(number, content=1) for number in range(9)]
    index, _ = indexed_set(workspace, copies, at_angles(*[0] * 9))
    with pytest.raises(WorkbenchError, match="the index has 1"):
        finish(analyze(workspace, AnalysisConfig(index=index.id)))


def test_identical_embeddings_are_refused(workspace: Workspace) -> None:
    index, _ = indexed_set(workspace, [image_row(n) for n in range(9)], at_angles(*[30] * 9))
    with pytest.raises(WorkbenchError, match="gives every image the same embedding"):
        finish(analyze(workspace, AnalysisConfig(index=index.id)))


def test_many_images_with_one_embedding_are_analyzed(workspace: Workspace) -> None:
    index, _ = indexed_set(workspace, [image_row(n) for n in range(40)], at_angles(*[30] * 39, 90))
    analysis = open_analysis(
        workspace, finish(analyze(workspace, AnalysisConfig(index=index.id))).id
    )
    assert analysis.outlierness.argmax() == 39
    assert np.isfinite(analysis.outlierness).all()


def test_a_missing_index_is_refused(workspace: Workspace) -> None:
    with pytest.raises(MissingError, match="There is no “nothing”"):
        finish(analyze(workspace, AnalysisConfig(index="nothing")))


def test_a_damaged_analysis_is_refused(workspace: Workspace) -> None:
    analysis = analyzed(workspace)
    path = workspace.analyses / analysis.manifest.id / "outlierness.npy"
    np.save(path, analysis.outlierness + 1)
    with pytest.raises(DamagedArtifactError, match="outlierness.npy is damaged"):
        open_analysis(workspace, analysis.manifest.id)


def test_an_analysis_reports_progress_and_can_be_canceled(workspace: Workspace) -> None:
    index, _ = indexed_set(workspace, [image_row(n) for n in range(60)], clusters(60))
    work = analyze(workspace, AnalysisConfig(index=index.id))
    first = next(work)
    assert isinstance(first, Progress)
    assert "finding neighbors" in first.note
    work.close()
    assert not list(workspace.analyses.glob("*"))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"neighbors": 1}, "neighbors must be in"),
        ({"neighbors": 101}, "neighbors must be in"),
        ({"min_cluster_size": 1}, "min_cluster_size must be in"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AnalysisConfig(index="x", **settings)


@pytest.mark.slow
def test_the_commands_analyze_and_export(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [image_row(number, f"class {number % 4}") for number in range(60)]
    found[0] = image_row(0, "class 1")
    index, _ = indexed_set(workspace, found, clusters(60, num_classes=4))
    home = ["--home", str(workspace.home)]
    listing = ["export-issues", "--index", index.id, "--output", str(tmp_path / "found.csv"), *home]
    assert main([*listing, "--check", "label_issues"]) == 1
    assert "python -m core analyze" in capsys.readouterr().err
    assert main(["analyze", "--index", index.id, "--neighbors", "5", *home]) == 0
    for check in (
        "outliers",
        "representativeness",
        "clusters",
        "near_duplicates",
        "leakage",
        "label_issues",
    ):
        assert main([*listing, "--check", check]) == 0
    with (tmp_path / "found.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["image_id"], rows[0]["label"], rows[0]["suggested"]) == (
        "1", "class 1", "class 0"
    )  # fmt: skip
    nowhere = [*listing[:4], str(tmp_path / "no" / "x.csv"), *home, "--check", "label_issues"]
    assert main(nowhere) == 1
    assert "There is no folder" in capsys.readouterr().err
