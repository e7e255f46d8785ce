"""A column with a filter and an order is added in one file, and everything else follows from it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from core.datasets.columns import COLUMNS, FILTERS, ImageFilter, ImageRow, ImageStatus
from core.datasets.filters import as_settings, as_texts, from_texts, parts_of, read_settings
from core.workspace import PROJECT
from tests.factories.images import solid

COLUMN = """
    file_format: Annotated[
        str,
        Column(
            sql="TEXT NOT NULL DEFAULT ''",
            since=5,
            exported="string",
            read=attrgetter("format"),
        ),
    ] = ""
"""
FILTER = """
    formats: tuple[str, ...] = filtered(
        AnyOf(column="file_format", option="file-format", label="Format", help="Only this format.")
    )
"""
ORDER = '    FORMAT = "format", "file_format, id", "Format"\n'

SCRIPT = """
import json, sys
from core.datasets.columns import ImageFilter, Order
from core.datasets.facets import value_counts
from core.datasets.columns import FILTERS
from core.datasets.filters import parts_of
from core.datasets.registry import open_dataset
from core.workspace import open_workspace
from state.view import View, from_parameters, to_parameters

catalog = open_dataset(open_workspace(), sys.argv[1]).catalog
images = ImageFilter(formats=("PNG",))
parameters = to_parameters(View(images=images))
print(json.dumps({
    "rows": [row.file_format for row in catalog.rows(order=Order.FORMAT)],
    "filtered": [row.path for row in catalog.rows(images)],
    "values": value_counts(catalog, FILTERS["formats"]),
    "chips": [text for text, _ in parts_of(images)],
    "parameters": parameters,
    "returns": from_parameters(parameters).images == images,
}))
"""


class Project(NamedTuple):
    """A copy of the code to change, and a workspace."""

    code: Path
    home: Path

    def run(self, *arguments: str) -> str:
        """Run Python with the copied code; return what it printed."""
        environment = os.environ | {"WORKBENCH_HOME": str(self.home), "PYTHONPATH": str(self.code)}
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=self.code, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def facts(self, dataset: str) -> dict[str, object]:
        """Return what the changed code says of the column."""
        facts: dict[str, object] = json.loads(self.run("-c", SCRIPT, dataset))
        return facts


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for package in ("core", "state"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(PROJECT / package, tmp_path / "code" / package, ignore=ignore)
    for name, ending in (("a.png", "PNG"), ("b.bmp", "BMP"), ("c.png", "PNG")):
        path = tmp_path / "images" / "red" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        solid("red").save(path, ending)
    (tmp_path / "home").mkdir()
    return Project(tmp_path / "code", tmp_path / "home")


@pytest.mark.slow
def test_a_column_with_a_filter_takes_one_file(project: Project) -> None:
    images = str(project.home.parent / "images")
    project.run("-m", "core", "scan", images, "--name", "before")
    path = project.code / "core" / "datasets" / "columns.py"
    text = path.read_text()
    for anchor, added in (
        ("\n\n_HINTS = ", COLUMN),
        ("\n    def having(self", FILTER),
        ("\n\n@dataclass(frozen=True, kw_only=True, slots=True)\nclass ImageFilter", ORDER),
    ):
        assert text.count(anchor) == 1
        text = text.replace(anchor, added + anchor)
    path.write_text(text)

    project.run("-m", "core", "scan", images, "--name", "after")
    expected = {
        "rows": ["BMP", "PNG", "PNG"],
        "filtered": ["red/a.png", "red/c.png"],
        "values": {"PNG": 2, "BMP": 1},
        "chips": ["Format: PNG"],
        "parameters": {"file-format": ["PNG"]},
        "returns": True,
    }
    assert project.facts("after") == expected
    options = ("--dataset", "after", "--format", "csv", "--file-format", "PNG", "--json")
    exported = json.loads(project.run("-m", "core", "export", *options))
    assert exported["num_images"] == 2
    assert "file_format" in Path(exported["path"]).read_text().splitlines()[0].split(",")

    # A catalog from before is upgraded, and filled when its files are read again
    assert project.facts("before")["rows"] == ["", "", ""]
    project.run("-m", "core", "rescan", "--dataset", "before", "--verify-all")
    assert project.facts("before") == expected


def test_every_row_field_is_a_column() -> None:
    assert set(ImageRow._fields) <= set(COLUMNS)
    assert all(COLUMNS[name].sql for name in ImageRow._fields)


def test_options_and_labels_of_filters_are_unique() -> None:
    assert len({kind.option for kind in FILTERS.values()}) == len(FILTERS)
    assert len({kind.label for kind in FILTERS.values()}) == len(FILTERS)


SET = ImageFilter(
    labels=("red", ""),
    splits=("test",),
    tags=("a b",),
    text="x%",
    side=(10, 20),
    aspect=(0.25, 1.5),
    status=ImageStatus.EXCLUDED,
)


def test_a_filter_returns_from_its_texts_and_its_settings() -> None:
    assert from_texts(as_texts(SET)) == SET
    assert read_settings(json.loads(json.dumps(as_settings(SET)))) == SET
    assert as_texts(ImageFilter()) == as_settings(ImageFilter()) == {}


def test_removing_every_part_leaves_the_default() -> None:
    images, removed = SET, []
    while parts := parts_of(images):
        text, images = parts[0]
        removed.append(text)
    assert images == ImageFilter()
    assert removed == [
        "Class: red",
        "Class: no class",
        "Split: test",
        "Tag: a b",
        "Path: x%",
        "Longest side: 10 to 20 px",
        "Width / height: 0.25 to 1.50",
        "Status: excluded",
    ]


def test_a_text_without_a_meaning_is_an_error_or_ignored() -> None:
    texts = {"side": ["20-10"], "class": ["red"]}
    with pytest.raises(ValueError, match="not a range"):
        from_texts(texts)
    assert from_texts(texts, lenient=True) == ImageFilter(labels=("red",))
