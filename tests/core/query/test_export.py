"""Export of a query result: a table, JSON, a zip of the images."""

import csv
import io
import json
import zipfile
from datetime import datetime
from pathlib import Path

import pytest

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter
from core.datasets.registry import Dataset
from core.query.export import (
    COLUMNS,
    file_stem,
    matches_as_csv,
    matches_as_zip,
    num_bytes_of,
    result_as_json,
)
from core.query.query import Query, QueryImage, SearchOptions
from core.query.result import Match, QueryResult
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, png, speckled
from tests.factories.queries import result_of

INDEX = Manifest(
    kind="index",
    id="some-flat",
    created="2026-01-01T00:00:00+00:00",
    config={},
    made_from={"dataset": "colors", "model": "some", "model_fingerprint": "ab12"},
    summary={},
    files={},
)
QUERY = Query(
    images=(QueryImage(digest="00ff"),),
    options=SearchOptions(k=3, images=ImageFilter(splits=("train",))),
)


def result(matches: list[Match], name: str = "größer.png") -> QueryResult:
    prediction = [("red", 0.75), ("blue", 0.25)]
    return result_of(INDEX, matches, name=name, query=QUERY, prediction=prediction)


def found_in(dataset: Dataset, *paths: str) -> list[Match]:
    """Match these images, the first with 1, each further one with a tenth less."""
    rows = {row.path: row for row in dataset.catalog.rows()}
    return [Match(rows[path], rows[path].id, (10 - rank) / 10) for rank, path in enumerate(paths)]


@pytest.fixture
def colors(workspace: Workspace, tmp_path: Path) -> Dataset:
    return bring_in(workspace, class_folders(tmp_path / "in", red=2, blue=2))


def opened(content: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def table_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_a_table_has_a_row_for_each_match_best_first(colors: Dataset) -> None:
    matches = found_in(colors, "red/001.png", "blue/000.png")
    matches.append(Match(None, 99, 0.5))
    rows = table_of(matches_as_csv(colors, result(matches)))
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["rank"], row["similarity"]) for row in rows] == [
        ("1", "1.0"), ("2", "0.9"), ("3", "0.5")
    ]  # fmt: skip
    assert [row["path"] for row in rows] == ["red/001.png", "blue/000.png", ""]
    assert [row["label"] for row in rows] == ["red", "blue", ""]
    assert (rows[2]["image_id"], rows[2]["file"]) == ("99", "")
    for row, match in zip(rows, matches[:2], strict=False):
        assert match.image
        assert row["image_id"] == str(match.image.id)
        assert row["sha256"] == match.image.sha256
        assert Path(row["file"]).read_bytes() == colors.path_of(match.image).read_bytes()


def test_json_says_what_was_asked_of_what_and_when(colors: Dataset) -> None:
    matches = [*found_in(colors, "red/001.png"), Match(None, 99, 0.5)]
    content = result_as_json(colors, result(matches))
    assert "größer.png".encode() in content
    answer = json.loads(content)
    query = answer["query"]
    assert (query["name"], query["k"], query["combine"]) == ("größer.png", 3, "mean")
    assert query["images"] == [{"image_id": None, "sha256": "00ff", "crop": "", "positive": True}]
    assert query["filter"] == {"splits": ["train"]}
    assert datetime.fromisoformat(answer["when"]).tzinfo is not None
    assert (answer["index"], answer["index_fingerprint"]) == ("some-flat", INDEX.fingerprint)
    assert answer["made_from"] == INDEX.made_from
    assert answer["prediction"][0] == {"label": "red", "probability": 0.75}
    assert [match["path"] for match in answer["matches"]] == ["red/001.png", None]
    assert set(answer["matches"][0]) == set(COLUMNS)


def test_a_zip_holds_the_very_files_by_rank_with_the_table_and_what_was_asked(
    workspace: Workspace, colors: Dataset
) -> None:
    matches = found_in(colors, "red/001.png", "blue/000.png", "red/000.png")
    content = matches_as_zip(workspace, colors, result(matches))
    archive = opened(content)
    names = ["001-red-001.png", "002-blue-000.png", "003-red-000.png"]
    assert archive.namelist() == [*names, "matches.csv", "result.json"]
    for name, match in zip(names, matches, strict=True):
        assert match.image
        assert archive.read(name) == colors.path_of(match.image).read_bytes()
    assert json.loads(archive.read("result.json"))["index"] == "some-flat"
    rows = table_of(archive.read("matches.csv"))
    assert [row["file_name"] for row in rows] == names
    assert list(rows[0]) == ["file_name", *COLUMNS, "problem"]
    assert list(workspace.exports.iterdir()) == []
    assert len(content) > num_bytes_of(matches) == sum(len(archive.read(name)) for name in names)


def test_images_that_are_gone_changed_or_removed_are_left_out_and_listed(
    workspace: Workspace, colors: Dataset
) -> None:
    paths = ("red/001.png", "blue/000.png", "blue/001.png")
    matches = [*found_in(colors, *paths), Match(None, 99, 0.5)]
    gone, changed = (colors.path_of(match.image) for match in matches[:2] if match.image)
    gone.unlink()
    changed.write_bytes(png(speckled("red", seed=50)))
    archive = opened(matches_as_zip(workspace, colors, result(matches)))
    assert archive.namelist() == ["003-blue-001.png", "matches.csv", "result.json"]
    rows = table_of(archive.read("matches.csv"))
    assert [row["file_name"] for row in rows] == ["", "", "003-blue-001.png", ""]
    assert [row["problem"].split(";")[0] for row in rows] == [
        "The file is missing",
        "The file has changed since the last scan",
        "",
        "The image was removed from the dataset.",
    ]


def test_names_in_a_zip_are_such_as_any_machine_takes(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "in" / "what? <a:b>"
    folder.mkdir(parents=True)
    for number, name in enumerate(['"x"|y\\z.PNG', "new\nline.png", f"{'ä' * 120}.png"]):
        speckled("red", seed=number).save(folder / name)
    dataset = bring_in(workspace, tmp_path / "in", "odd")
    matches = found_in(dataset, *(row.path for row in dataset.catalog.rows()))
    for match in matches:
        assert match.image
        assert match.image.label == "what? <a:b>"
    content = matches_as_zip(workspace, dataset, result(matches))
    first, second, third, *_ = opened(content).namelist()
    assert first == "001-what_ _a_b_-_x__y_z.PNG"
    assert second == "002-what_ _a_b_-new_line.png"
    assert third.startswith("003-what_ _a_b_-äää")
    assert third.endswith("ä.png")
    assert len(third.encode()) <= 255


def test_images_without_a_class_are_called_by_rank_and_name(
    workspace: Workspace, colors: Dataset
) -> None:
    [match] = found_in(colors, "red/001.png")
    assert match.image
    bare = Match(match.image._replace(label=None), match.image_id, 1.0)
    [name, *_] = opened(matches_as_zip(workspace, colors, result([bare] * 1000))).namelist()
    assert name == "0001-001.png"


def test_files_are_called_after_the_query() -> None:
    assert file_stem(result([], "cats/a?b:c.jpg")) == "matches-of-a_b_c"
    assert file_stem(result([], "x" * 200)) == f"matches-of-{'x' * 60}"
    assert file_stem(result([], "")) == "matches-of-positive examples"
