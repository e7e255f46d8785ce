"""Saved rankings: those of an analysis of very many images, by the labels of then."""

from pathlib import Path

import numpy as np
import pytest

from core.artifacts.folders import open_artifact
from core.datasets import curation
from core.datasets.registry import open_dataset
from core.progress import finish
from core.quality import analysis as analyses
from core.quality import rankings
from core.quality.analysis import Analysis, analyze, open_analysis
from core.quality.checks import rank
from core.quality.config import AnalysisConfig, Check
from core.quality.labels import ImageLabels, read_image_labels
from core.workspace import Workspace
from tests.factories.embeddings import DATASET, clusters
from tests.factories.quality import indexed_set
from tests.factories.rows import image_row

CHECKS = [Check.LABEL_ISSUES, Check.REPRESENTATIVENESS]
COUNT = 60


@pytest.fixture
def analysis(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Analysis:
    """Of four classes of images; image 1 has the class of image 2."""
    monkeypatch.setattr(analyses, "MIN_SAVED", 10)
    monkeypatch.setattr(rankings, "MAX_CHANGED", 0.05)
    found = [image_row(number, f"class {number % 4}") for number in range(COUNT)]
    found[0] = image_row(0, "class 1")
    index, _ = indexed_set(workspace, found, clusters(COUNT, num_classes=4))
    made = finish(analyze(workspace, AnalysisConfig(index=index.id, neighbors=5)))
    return open_analysis(workspace, made.id)


def labels_of(workspace: Workspace, analysis: Analysis) -> ImageLabels:
    return read_image_labels(open_dataset(workspace, DATASET).catalog, analysis.image_ids)


def listed(analysis: Analysis, check: Check, now: ImageLabels) -> list[int]:
    assert analysis.saved is not None
    ranking = analysis.saved.current(check, now)
    assert ranking is not None
    found: list[int] = analysis.image_ids[ranking.rows].tolist()
    return found


@pytest.mark.parametrize("check", CHECKS)
def test_they_are_those_of_the_check(
    workspace: Workspace, analysis: Analysis, check: Check
) -> None:
    now = labels_of(workspace, analysis)
    vectors = clusters(COUNT, num_classes=4)
    exact = rank(check, analysis, vectors, now)
    assert analysis.saved is not None
    saved = analysis.saved.current(check, now)
    assert saved is not None
    for column in rankings.COLUMNS:
        assert np.array_equal(getattr(saved, column), getattr(exact, column))
    assert saved.reversed().rows.tolist() == saved.rows.tolist()[::-1]
    manifest = open_artifact(workspace.analyses, analysis.manifest.id)
    assert f"{check}_rows.npy" in manifest.files


def test_a_corrected_image_leaves_the_list_and_comes_back_with_undo(
    workspace: Workspace, analysis: Analysis
) -> None:
    catalog = open_dataset(workspace, DATASET).catalog
    before = listed(analysis, Check.LABEL_ISSUES, labels_of(workspace, analysis))
    assert before[0] == 1
    curation.relabel(catalog, [1], "class 0")
    after = listed(analysis, Check.LABEL_ISSUES, labels_of(workspace, analysis))
    assert after == before[1:]
    curation.undo(catalog)
    assert listed(analysis, Check.LABEL_ISSUES, labels_of(workspace, analysis)) == before


def test_an_excluded_image_leaves_the_list(workspace: Workspace, analysis: Analysis) -> None:
    curation.exclude(open_dataset(workspace, DATASET).catalog, [7])
    now = labels_of(workspace, analysis)
    assert 7 not in listed(analysis, Check.REPRESENTATIVENESS, now)
    assert len(listed(analysis, Check.REPRESENTATIVENESS, now)) == COUNT - 1


def test_suggested_classes_follow_the_names_of_the_classes(
    workspace: Workspace, analysis: Analysis
) -> None:
    catalog = open_dataset(workspace, DATASET).catalog
    curation.relabel(catalog, [60], "a class before the others")
    now = labels_of(workspace, analysis)
    assert analysis.saved is not None
    ranking = analysis.saved.current(Check.LABEL_ISSUES, now)
    assert ranking is not None
    assert analysis.image_ids[ranking.rows[0]] == 1
    assert now.classes[ranking.suggested[0]] == "class 0"


def test_after_many_changes_there_is_none(workspace: Workspace, analysis: Analysis) -> None:
    curation.relabel(open_dataset(workspace, DATASET).catalog, range(1, 5), "another")
    now = labels_of(workspace, analysis)
    assert analysis.saved is not None
    assert analysis.saved.current(Check.LABEL_ISSUES, now) is None


def test_few_images_have_none(tmp_path: Path) -> None:
    assert rankings.open_rankings(tmp_path) is None
