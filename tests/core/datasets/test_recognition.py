"""Trees as people have them: which folders are splits, classes, wrappers, or neither."""

import unicodedata
from pathlib import Path

import pytest

from core.datasets.columns import Split
from core.datasets.file_search import find_files
from core.datasets.folder_names import Use, read_split_name
from core.datasets.layout import Labels, Layout, Reading, describe_layout, read_layout
from core.datasets.recognition import recognize
from core.errors import WorkbenchError

TRAIN, VAL, TEST = Split.TRAIN, Split.VALIDATION, Split.TEST
Places = dict[str, tuple[str | None, str | None]]

LAYOUTS: dict[str, Places] = {
    "wrappers that repeat the split's name, and predictions without classes": {
        "seg_train/seg_train/sea/1.png": ("sea", TRAIN),
        "seg_train/seg_train/forest/1.png": ("forest", TRAIN),
        "seg_test/seg_test/sea/1.png": ("sea", TEST),
        "seg_test/seg_test/forest/1.png": ("forest", TEST),
        "seg_pred/seg_pred/1.png": (None, None),
    },
    "the same below one more folder, with other capitals": {
        "archive/Seg_Train/seg_train/sea/1.png": ("sea", TRAIN),
        "archive/Seg_Test/SEG_TEST/sea/1.png": ("sea", TEST),
        "archive/seg_pred/1.png": (None, None),
    },
    "training_set and test_set": {
        "training_set/training_set/cats/1.png": ("cats", TRAIN),
        "training_set/training_set/dogs/1.png": ("dogs", TRAIN),
        "test_set/test_set/cats/1.png": ("cats", TEST),
        "test_set/test_set/dogs/1.png": ("dogs", TEST),
    },
    "splits and a folder beside them": {
        "training_set/cats/1.png": ("cats", TRAIN),
        "training_set/dogs/1.png": ("dogs", TRAIN),
        "test_set/cats/1.png": ("cats", TEST),
        "single_prediction/cat_or_dog.png": (None, None),
        "figures/1.png": (None, None),
    },
    "one split and a folder beside it": {
        "train/cats/1.png": ("cats", TRAIN),
        "train/dogs/1.png": ("dogs", TRAIN),
        "extra/1.png": (None, None),
    },
    "a folder beside the splits with the same classes": {
        "train/cats/1.png": ("cats", TRAIN),
        "test/cats/1.png": ("cats", TEST),
        "augmented/cats/1.png": ("cats", None),
    },
    "train, dev and eval": {
        "Train/cats/1.png": ("cats", TRAIN),
        "dev/cats/1.png": ("cats", VAL),
        "eval/cats/2.png": ("cats", VAL),
        "test/cats/2.png": ("cats", TEST),
    },
    "years, as in COCO": {
        "train2017/cats/1.png": ("cats", TRAIN),
        "val2017/cats/1.png": ("cats", VAL),
        "test2017/1.png": (None, TEST),
        "unlabeled2017/1.png": (None, None),
    },
    "images_train and images_val": {
        "images_train/cats/1.png": ("cats", TRAIN),
        "images_val/cats/1.png": ("cats", VAL),
    },
    "words without a separator": {
        "TrainSet/cats/1.png": ("cats", TRAIN),
        "validationset/cats/1.png": ("cats", VAL),
        "TestImages/cats/1.png": ("cats", TEST),
    },
    "abbreviations beside each other": {
        "tr/cats/1.png": ("cats", TRAIN),
        "va/cats/1.png": ("cats", VAL),
        "te/cats/1.png": ("cats", TEST),
    },
    "splits in each class": {
        "cats/train/1.png": ("cats", TRAIN),
        "cats/test/2.png": ("cats", TEST),
        "dogs/train/1.png": ("dogs", TRAIN),
    },
    "splits in each of several sets": {
        "a/train/cats/1.png": ("cats", TRAIN),
        "a/test/dogs/2.png": ("dogs", TEST),
        "b/train/cats/1.png": ("cats", TRAIN),
        "b/test/cats/1.png": ("cats", TEST),
    },
    "the whole set again inside itself, as chest_xray": {
        "chest_xray/train/NORMAL/1.png": ("NORMAL", TRAIN),
        "chest_xray/test/NORMAL/2.png": ("NORMAL", TEST),
        "chest_xray/chest_xray/train/NORMAL/1.png": ("NORMAL", TRAIN),
        "chest_xray/chest_xray/test/NORMAL/2.png": ("NORMAL", TEST),
    },
    "only train": {"train/cats/1.png": ("cats", TRAIN), "train/dogs/1.png": ("dogs", TRAIN)},
    "splits without classes": {"train/1.png": (None, TRAIN), "test/1.png": (None, TEST)},
    "labels of YOLO": {"train/images/1.png": (None, TRAIN), "val/images/2.png": (None, VAL)},
    "unlabeled beside classes": {
        "cats/1.png": ("cats", None),
        "dogs/1.png": ("dogs", None),
        "unlabeled/1.png": (None, None),
        "predictions/deep/1.png": (None, None),
    },
    "loose images beside classes": {
        "cats/1.png": ("cats", None),
        "dogs/1.png": ("dogs", None),
        "1.png": (None, None),
    },
    "loose images in a wrapper": {
        "set/cats/1.png": ("cats", None),
        "set/cats/2.png": ("cats", None),
        "set/dogs/1.png": ("dogs", None),
        "set/1.png": (None, None),
    },
    "loose images in a split": {
        "train/cats/1.png": ("cats", TRAIN),
        "train/1.png": (None, TRAIN),
        "test/cats/1.png": ("cats", TEST),
    },
    "vehicles": {
        "bullet_train/1.png": ("bullet_train", None),
        "steam_train/1.png": ("steam_train", None),
    },
    "things, two of them called like splits": {
        "bullet_train/1.png": ("bullet_train", None),
        "test_tube/1.png": ("test_tube", None),
        "apple/1.png": ("apple", None),
        "zebra/1.png": ("zebra", None),
    },
    "languages": {
        "de/1.png": ("de", None),
        "en/1.png": ("en", None),
        "te/1.png": ("te", None),
        "tr/1.png": ("tr", None),
    },
    "activities": {
        "lunch/1.png": ("lunch", None),
        "meeting/1.png": ("meeting", None),
        "testing/1.png": ("testing", None),
        "training/1.png": ("training", None),
    },
    "classes and a test split with the same ones": {
        "cats/1.png": ("cats", None),
        "dogs/1.png": ("dogs", None),
        "test/cats/1.png": ("cats", TEST),
    },
    "vehicles from several sides": {
        "bus/front/1.png": ("front", None),
        "car/front/1.png": ("front", None),
        "train/front/1.png": ("front", None),
        "train/side/1.png": ("side", None),
    },
    "containers of some splits beside another one": {
        "Plants (augmented)/Plants (augmented)/train/rust/1.png": ("rust", TRAIN),
        "Plants (augmented)/Plants (augmented)/valid/rust/1.png": ("rust", VAL),
        "test/test/1.png": (None, TEST),
    },
    "two versions of a set": {
        "fruits_dataset/fruits/Training/fig/1.png": ("fig", TRAIN),
        "fruits_dataset/fruits/Test/fig/1.png": ("fig", TEST),
        "fruits_dataset/fruits/test-multiple_fruits/1.png": (None, TEST),
        "fruits-original/fruits-original/Training/fig/1.png": ("fig", TRAIN),
        "fruits-original/fruits-original/Test/fig/1.png": ("fig", TEST),
    },
    "a training set without a word for it": {
        "rps/rps/rock/1.png": ("rock", None),
        "rps/rps/paper/1.png": ("paper", None),
        "rps-test-set/rps-test-set/rock/1.png": ("rock", TEST),
        "rps-validation/1.png": (None, VAL),
    },
    "classes, and all of them again": {
        "flowers/rose/1.png": ("rose", None),
        "flowers/tulip/1.png": ("tulip", None),
        "flowers/flowers/rose/1.png": ("rose", None),
        "flowers/flowers/tulip/1.png": ("tulip", None),
    },
    "one folder in one of the same name": {
        "img_align_celeba/img_align_celeba/1.png": (None, None),
    },
    "splits in containers": {
        "a/train/cats/1.png": ("cats", TRAIN),
        "b/test/cats/1.png": ("cats", TEST),
    },
    "trainval around train and val": {
        "trainval/train/cats/1.png": ("cats", TRAIN),
        "trainval/val/cats/1.png": ("cats", VAL),
        "test/cats/1.png": ("cats", TEST),
    },
    "one more split with another name": {
        "seg_train/cats/1.png": ("cats", TRAIN),
        "seg_test/cats/1.png": ("cats", TEST),
        "holdout/cats/1.png": ("cats", TEST),
        "phone/cats/1.png": ("cats", None),
    },
    "splits among several other folders": {
        "train/cats/1.png": ("cats", TRAIN),
        "test/cats/1.png": ("cats", TEST),
        "docs/1.png": (None, None),
        "figures/deep/1.png": (None, None),
    },
    "a split that is called train_test": {
        "train_test_split/cats/1.png": ("cats", None),
        "train_test_split/dogs/1.png": ("dogs", None),
    },
}


def read(tmp_path: Path, paths: list[str], reading: Reading = Reading()) -> tuple[Layout, Places]:  # noqa: B008
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    folders = find_files(tmp_path)
    layout = recognize(folders, reading)
    return layout, {
        "/".join((*folder.parts, name)): layout.place(folder.parts)
        for folder in folders
        if layout.holds(folder.parts)
        for name, _, _ in folder.files
    }


@pytest.mark.parametrize("name", LAYOUTS)
def test_trees_are_read_as_they_are_meant(tmp_path: Path, name: str) -> None:
    layout, places = read(tmp_path, list(LAYOUTS[name]))
    assert places == LAYOUTS[name]
    assert read_layout(describe_layout(layout)) == layout


@pytest.mark.parametrize(
    ("name", "use"),
    [
        *(("train", Use.TRAIN), ("Training Set", Use.TRAIN), ("trainval", Use.TRAIN)),
        *(("CUB_train", Use.TRAIN), ("train-v2", Use.TRAIN), ("01_train", Use.TRAIN)),
        *(("X_train", Use.TRAIN), ("train (1)", Use.TRAIN), ("trainA", Use.TRAIN)),
        *(("valid", Use.VALIDATION), ("dev-set", Use.VALIDATION), ("minival2014", Use.VALIDATION)),
        *(("test-dev", Use.TEST), ("hold_out", Use.TEST), ("testset", Use.TEST)),
        *(("un-labelled", Use.UNLABELED), ("to_predict", Use.UNLABELED), ("_train", None)),
        *(("trainer", None), ("contest", None), ("valley", None), ("latest", None), ("", None)),
        *(("devil", None), ("testament", None), ("terrain", None), ("strain", None)),
    ],
)
def test_names_mean_splits(name: str, use: Use | None) -> None:
    found = read_split_name(name)
    assert (found.use if found else None) == use


def test_the_forms_of_a_name_are_one_class(tmp_path: Path) -> None:
    composed, decomposed = "K\u00f6ln", unicodedata.normalize("NFD", "K\u00f6ln")
    _, places = read(tmp_path, [f"train/{composed}/1.png", f"test/{decomposed}/1.png"])
    assert places == {
        f"train/{composed}/1.png": (composed, TRAIN),
        f"test/{decomposed}/1.png": (composed, TEST),
    }


def test_the_use_of_folders_can_be_given(tmp_path: Path) -> None:
    paths = ["learn/cats/1.png", "learn/dogs/1.png", "check/cats/1.png", "rest/1.png"]
    uses = (("learn", Use.TRAIN), ("Check", Use.TEST), ("rest", Use.SKIP))
    layout, places = read(tmp_path, paths, Reading(folders=uses))
    assert places == {
        "learn/cats/1.png": ("cats", TRAIN),
        "learn/dogs/1.png": ("dogs", TRAIN),
        "check/cats/1.png": ("cats", TEST),
    }
    assert read_layout(describe_layout(layout)) == layout
    with pytest.raises(WorkbenchError, match="no folder “nowhere”.*Folders there: check, learn"):
        read(tmp_path, [], Reading(folders=(("nowhere", Use.TEST),)))


def test_a_split_can_be_given_another_use(tmp_path: Path) -> None:
    paths = ["train/cats/1.png", "train/dogs/1.png", "test/cats/1.png"]
    for use, expected in (
        (Use.VALIDATION, ("cats", VAL)),
        (Use.RANDOM, ("cats", None)),
        (Use.UNLABELED, (None, None)),
        (Use.CLASS, ("test", None)),
    ):
        _, places = read(tmp_path, paths, Reading(folders=(("test", use),)))
        assert places["test/cats/1.png"] == expected, use
        assert places["train/cats/1.png"] == ("cats", TRAIN)


def test_loose_images_can_be_left_out(tmp_path: Path) -> None:
    paths = ["set/cats/1.png", "set/cats/2.png", "set/dogs/1.png", "set/loose.png", "top.png"]
    _, places = read(tmp_path, paths, Reading(loose=False))
    assert set(places) == set(paths[:3])
    flat = Reading(loose=False, labels=Labels.NONE)
    assert set(read(tmp_path, paths, flat)[1]) == set(paths)


@pytest.mark.parametrize(
    ("described", "places"),
    [
        (
            {"labels": "top", "has_splits": True, "skipped": 1, "loose": False},
            {("set", "Train", "cat"): ("cat", TRAIN), ("set", "more", "cat"): ("more", None)},
        ),
        (
            {"labels": "leaf", "has_splits": False, "skipped": 0, "loose": False},
            {("animals", "cat"): ("cat", None), ("train", "cat", "images"): ("cat", None)},
        ),
    ],
)
def test_layouts_of_earlier_versions_are_read_as_they_were(
    described: dict[str, object], places: dict[tuple[str, ...], tuple[str | None, str | None]]
) -> None:
    layout = read_layout(described)
    assert {parts: layout.place(parts) for parts in places} == places
    assert not layout.holds(()) or described["skipped"]
    assert layout.links is False
