import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets.annotations.roles import Role
from core.datasets.columns import Split
from core.datasets.file_search import find_files
from core.datasets.folder_names import Use
from core.datasets.importing.scan import Source, add_folder
from core.datasets.layout import Labels, Layout, Reading, describe_layout, read_layout
from core.datasets.recognition import recognize
from core.datasets.splits import SplitConfig
from core.progress import finish
from core.workspace import Workspace
from tests.factories.images import png, solid

Places = dict[str, tuple[str | None, str | None]]

LAYOUTS: dict[str, Places] = {
    "class folders": {
        "cat/1.png": ("cat", None),
        "dog/1.png": ("dog", None),
    },
    "one class folder": {"cat/1.png": ("cat", None), "cat/2.png": ("cat", None)},
    "flat": {"1.png": (None, None), "2.png": (None, None)},
    "a folder around class folders": {
        "all/cat/1.png": ("cat", None),
        "all/dog/1.png": ("dog", None),
    },
    "folders inside a class": {
        "cat/1.png": ("cat", None),
        "cat/more/2.png": ("cat", None),
        "dog/1.png": ("dog", None),
    },
    "a class below a kingdom": {
        "animals/cat/1.png": ("cat", None),
        "animals/dog/1.png": ("dog", None),
        "plants/oak/1.png": ("oak", None),
    },
    "splits": {
        "train/cat/1.png": ("cat", Split.TRAIN),
        "train/dog/1.png": ("dog", Split.TRAIN),
        "val/cat/1.png": ("cat", Split.VALIDATION),
        "test/dog/1.png": ("dog", Split.TEST),
    },
    "splits in capitals below a folder": {
        "set/Training/cat/1.png": ("cat", Split.TRAIN),
        "set/Training/dog/2.png": ("dog", Split.TRAIN),
        "set/Testing/cat/1.png": ("cat", Split.TEST),
    },
    "images below each class, as in Tiny-ImageNet": {
        "train/n01/images/1.png": ("n01", Split.TRAIN),
        "train/n02/images/1.png": ("n02", Split.TRAIN),
        "val/n01/images/2.png": ("n01", Split.VALIDATION),
    },
    "images without labels in a split, as Tiny-ImageNet's test": {
        "train/n01/images/1.png": ("n01", Split.TRAIN),
        "train/n02/images/1.png": ("n02", Split.TRAIN),
        "test/images/1.png": (None, Split.TEST),
    },
    "a class that is called like a split": {
        "train/1.png": ("train", None),
        "bus/1.png": ("bus", None),
    },
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_folders_say_class_and_split(tmp_path: Path, name: str) -> None:
    for path in LAYOUTS[name]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    folders = find_files(tmp_path)
    layout = recognize(folders)
    found = {
        "/".join((*folder.parts, name)): layout.place(folder.parts)
        for folder in folders
        if layout.holds(folder.parts)
        for name, _, _ in folder.files
    }
    assert found == LAYOUTS[name]


def test_one_may_say_which_folder_names_the_class(tmp_path: Path) -> None:
    for path in ("animals/cat/1.png", "animals/dog/1.png", "plants/oak/1.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    folders = find_files(tmp_path)
    for labels, named in (
        (Labels.TOP, {"animals", "plants"}),
        (Labels.LEAF, {"cat", "dog", "oak"}),
        (Labels.NONE, {None}),
    ):
        layout = recognize(folders, Reading(labels=labels))
        assert {layout.place(folder.parts)[0] for folder in folders} == named


def test_splits_of_folders_stay_and_only_the_missing_one_is_drawn(
    workspace: Workspace, tmp_path: Path
) -> None:
    for split, number in (("train", 20), ("test", 5)):
        for color in ("red", "blue"):
            folder = tmp_path / "in" / split / color
            folder.mkdir(parents=True)
            for i in range(number):
                (folder / f"{i}.png").write_bytes(png(solid(color, side=8 + i)))
    source = Source(root=tmp_path / "in")
    catalog = finish(add_folder(workspace, "split", source, SplitConfig())).catalog
    counts = {(label, split): count for label, split, count in catalog.class_counts()}
    assert counts == {
        (color, split): count
        for color in ("red", "blue")
        for split, count in ((Split.TRAIN, 18), (Split.VALIDATION, 2), (Split.TEST, 5))
    }
    assert all(row.path.startswith("test/") for row in catalog.rows() if row.split == Split.TEST)


def test_a_layout_is_read_as_it_was_written_and_one_of_version_3_has_no_annotations() -> None:
    layout = Layout(
        labels=Labels.NONE,
        splits=(("train", Use.TRAIN),),
        annotations=("train/metadata.jsonl",),
        columns=((Role.LABEL, "what it is"), (Role.TAGS, "")),
        pattern="",
    )
    described = json.loads(json.dumps(describe_layout(layout)))
    assert read_layout(described) == layout
    before = {
        name: value
        for name, value in described.items()
        if name not in ("annotations", "columns", "pattern")
    }
    assert read_layout(before) == replace(layout, annotations=(), columns=())
    for damaged in ({"columns": {"who": "x"}}, {"annotations": 7}, {"pattern": None}):
        with pytest.raises((ValueError, TypeError)):
            read_layout(described | damaged)
