import os
from pathlib import Path

import pytest

from core.datasets.catalog import GONE
from core.datasets.columns import ImageFilter, ImageStatus
from core.datasets.database import connect
from core.datasets.importing.scan import rescan
from core.datasets.registry import Dataset
from core.datasets.verification import check_images, count_unchecked, is_grouped
from core.errors import MissingError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, png, solid, speckled


def test_a_check_finds_what_a_scan_cannot_see(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=3, blue=3)
    whole = png(speckled("red", 9))
    (root / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (root / "red" / "flat.png").write_bytes(png(solid("red")))
    dataset = bring_in(workspace, root)
    assert (count_unchecked(dataset), dataset.catalog.problems()) == (8, [])
    before = dataset.catalog.images_fingerprint

    assert finish(check_images(dataset)) == 8

    [problem] = dataset.catalog.problems()
    assert (problem.path, "cut.png" in str(problem.problem)) == ("red/cut.png", True)
    assert dataset.catalog.images_fingerprint != before
    assert len(list(dataset.thumbnails.rglob("*.jpg"))) == 7
    assert (count_unchecked(dataset), finish(check_images(dataset))) == (0, 0)

    (root / "red" / "cut.png").write_bytes(whole)
    finish(rescan(workspace, "colors"))
    assert (count_unchecked(dataset), finish(check_images(dataset))) == (1, 1)
    assert dataset.catalog.problems() == []


def test_a_check_that_is_given_up_goes_on_where_it_was(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.datasets.verification.BATCH", 2)
    dataset = bring_in(workspace, class_folders(tmp_path / "in", red=4, blue=4))
    work = check_images(dataset)
    next(work)
    work.close()
    assert count_unchecked(dataset) == 6
    assert finish(check_images(dataset)) == 6


def test_a_file_that_vanished_before_the_check_is_a_problem(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=3, blue=3)
    dataset = bring_in(workspace, root)
    (root / "red" / "000.png").unlink()
    finish(check_images(dataset))
    [problem] = dataset.catalog.problems()
    assert problem.path == "red/000.png"
    finish(rescan(workspace, "colors"))
    assert [
        row.problem for row in dataset.catalog.rows(ImageFilter(status=ImageStatus.PROBLEM))
    ] == [GONE]


def test_a_check_given_up_while_it_compares_compares_the_next_time(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=3, blue=3)
    dataset = bring_in(workspace, root)
    work = check_images(dataset)
    while next(work).note != "comparing images":  # type: ignore[union-attr]
        pass
    work.close()
    assert (count_unchecked(dataset), is_grouped(dataset)) == (0, False)
    assert (finish(check_images(dataset)), is_grouped(dataset)) == (0, True)


def test_a_dataset_of_plain_pictures_can_be_checked(workspace: Workspace, tmp_path: Path) -> None:
    for color in ("red", "blue"):
        (tmp_path / "in" / color).mkdir(parents=True)
        (tmp_path / "in" / color / "flat.png").write_bytes(png(solid(color)))
    assert finish(check_images(bring_in(workspace, tmp_path / "in"))) == 2


@pytest.mark.parametrize("way", ["verified", "touched", "moved"])
def test_what_a_check_found_outlives_another_scan_of_the_same_content(
    workspace: Workspace, tmp_path: Path, way: str
) -> None:
    root = class_folders(tmp_path / "in", red=3, blue=3)
    whole = png(speckled("red", 9))
    (root / "red" / "cut.png").write_bytes(whole[: len(whole) // 2])
    dataset = bring_in(workspace, root)
    finish(check_images(dataset))
    before = _verdicts(dataset)
    assert any(perceptual for perceptual, _, _ in before)
    for path in (root / "red").iterdir():
        if way == "touched":
            os.utime(path, (1, 1))
        if way == "moved":
            path.rename(path.with_stem(f"other-{path.stem}"))
    finish(rescan(workspace, "colors", verify_all=way == "verified"))
    assert _verdicts(dataset) == before
    assert count_unchecked(dataset) == 0


def test_files_that_could_not_be_read_for_a_while_come_back(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=3, blue=3)
    dataset = bring_in(workspace, root)
    (root / "red" / "000.png").rename(tmp_path / "away.png")
    finish(check_images(dataset))
    assert len(dataset.catalog.problems()) == 1
    (tmp_path / "away.png").rename(root / "red" / "000.png")
    finish(rescan(workspace, "colors"))
    assert (dataset.catalog.problems(), count_unchecked(dataset)) == ([], 1)


def test_a_folder_that_is_away_is_said_and_spoils_nothing(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=3, blue=3)
    dataset = bring_in(workspace, root)
    root.rename(tmp_path / "away")
    with pytest.raises(MissingError, match="does not exist any more"):
        finish(check_images(dataset))
    assert dataset.catalog.problems() == []


def _verdicts(dataset: Dataset) -> list[tuple[object, ...]]:
    with connect(dataset.catalog.path) as connection:
        query = "SELECT perceptual, representative, problem FROM images ORDER BY id"
        return connection.execute(query).fetchall()
