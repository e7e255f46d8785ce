"""YOLO datasets: boxes, classes and splits in every usual layout, and what is wrong with one."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from core.datasets.annotations import yolo, yolo_config
from core.datasets.annotations.annotation import Annotation, Box
from core.datasets.columns import Split
from core.errors import WorkbenchError

CONFIG = "path: .\ntrain: images/train\nval: images/val\nnames:\n  0: cat\n  1: dog\n"
CAT = Box("cat", 0.25, 0.25, 0.5, 0.25)
LINE = "0 0.5 0.375 0.5 0.25\n"


def tree(root: Path, files: Mapping[str, str]) -> Path:
    """Write files; images need no content, as they are not opened."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def labeled(root: Path, text: str, config: str = CONFIG) -> Annotation:
    """What is read of an image with that file of labels."""
    files = {"data.yaml": config, "images/train/a.jpg": "", "labels/train/a.txt": text}
    return yolo.read(tree(root, files), root / "data.yaml").images["images/train/a.jpg"]


def problems(root: Path, text: str, config: str = CONFIG) -> tuple[str, ...]:
    labeled(root, text, config)
    return yolo.read(root, root / "data.yaml").problems


def test_centers_and_sizes_become_boxes(tmp_path: Path) -> None:
    found = labeled(tmp_path, LINE + "1 0.5 0.5 1 1\n\n")
    assert found.boxes == (CAT, Box("dog", 0, 0, 1, 1))
    assert (found.label, found.split, found.size) == ("dog", Split.TRAIN, None)


def test_polygons_confidences_and_keypoints(tmp_path: Path) -> None:
    polygon = "0.25 0.25 0.75 0.375 0.5 0.5"
    for line in (f"0 {polygon}", f"0 {polygon} 0.9", "0 0.5 0.375 0.5 0.25 0.9"):
        assert labeled(tmp_path, line).boxes == (CAT,), line
    pose = "0 0.5 0.375 0.5 0.25 0 0 0 0.9 0.9 2"
    assert labeled(tmp_path, pose, CONFIG + "kpt_shape: [2, 3]\n").boxes == (CAT,)


def test_an_empty_or_missing_file_is_an_image_without_a_class(tmp_path: Path) -> None:
    files = {"images/train/b.jpg": "", "images/train/c.jpg": "", "labels/train/b.txt": ""}
    tree(tmp_path, files | {"images/val/d.jpg": ""})
    labeled(tmp_path, LINE)
    found = yolo.read(tmp_path, tmp_path / "data.yaml")
    for name in "bc":
        assert found.images[f"images/train/{name}.jpg"] == Annotation(split=Split.TRAIN)
    assert found.problems == ()


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("train/images/a.jpg", "train/labels/a.txt"),
        ("train/images/deep/a.jpg", "train/labels/deep/a.txt"),
        ("train/a.jpg", "train/a.txt"),
        ("train/a.jpg", "train/labels/a.txt"),
        ("train/a.jpg", "labels/train/a.txt"),
        ("images/x/images/a.b.jpg", "images/x/labels/a.b.txt"),
    ],
)
def test_labels_are_found_in_every_usual_place(tmp_path: Path, image: str, labels: str) -> None:
    tree(tmp_path, {"classes.txt": "cat\n", image: "", labels: LINE})
    found = yolo.read(tmp_path, tmp_path / "classes.txt")
    assert found.images[image].boxes == (CAT,)
    assert found.images[image].split == (Split.TRAIN if "train" in image else None)
    assert found.problems == ()


def test_darknets_folders_are_read(tmp_path: Path) -> None:
    files = {"obj.names": "cat\n", "obj_train_data/a.jpg": "", "obj_train_data/a.txt": LINE}
    files |= {"obj.data": "classes = 1\n", "train.txt": "data/obj_train_data/a.jpg\n"}
    found = yolo.read(tree(tmp_path, files), tmp_path / "obj.names")
    assert found.images == {"obj_train_data/a.jpg": Annotation("cat", Split.TRAIN, (), (CAT,))}
    assert found.problems == ()


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("train: one\nval: two\n", (Split.TRAIN, Split.VALIDATION)),
        ("path: ..\ntrain: set/one\nval: set/two\n", (Split.TRAIN, Split.VALIDATION)),
        ("train: ../one\nval: ../two\n", (Split.TRAIN, Split.VALIDATION)),
        ("path: /content/x\ntrain: /content/x/one/\nval:\n", (Split.TRAIN, None)),
        ("path: C:\\data\ntrain: C:\\data\\set\\one\ntest: [two]\n", (Split.TRAIN, Split.TEST)),
        ("train: [one, two]\nval: two\n", (Split.TRAIN, None)),
        ("train: train.txt\nval: two\n", (Split.TRAIN, Split.VALIDATION)),
        ("train: .\nval: two\n", (Split.TRAIN, Split.VALIDATION)),
    ],
)
def test_splits_are_those_of_the_file(
    tmp_path: Path, config: str, expected: tuple[Split | None, ...]
) -> None:
    root = tmp_path / "set"
    files = {"one/a.jpg": "", "one/a.txt": LINE, "two/b.jpg": "", "two/b.txt": LINE}
    files |= {"data.yaml": f"{config}names: [cat, dog]\n", "train.txt": "./one/a.jpg\n\n"}
    found = yolo.read(tree(root, files), root / "data.yaml").images
    assert (found["one/a.jpg"].split, found["two/b.jpg"].split) == expected


def test_a_list_of_images_may_be_from_another_computer(tmp_path: Path) -> None:
    files = {"data.yaml": "train: train.txt\nnames: [cat]\n", "one/a.jpg": "", "one/a.txt": LINE}
    files["train.txt"] = "/home/other/set/one/a.jpg"
    found = yolo.read(tree(tmp_path, files), tmp_path / "data.yaml")
    assert found.images["one/a.jpg"].split == Split.TRAIN


def test_a_missing_folder_of_a_split_and_unused_labels_are_problems(tmp_path: Path) -> None:
    tree(tmp_path, {"labels/train/unused.txt": LINE, "labels/train/classes.txt": "cat"})
    found = problems(tmp_path, LINE)
    assert found == (
        "data.yaml: the folder “images/val” of val was not found.",
        "labels/train/unused.txt: there is no image of that name.",
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("0 0.5 0.5 0.5", "it has 4 numbers in place of class, x, y, width, height."),
        ("0", "it has 1 numbers in place of class, x, y, width, height."),
        ("cat 0.5 0.5 0.5 0.5", "it must be numbers: class, x, y, width, height."),
        ("2 0.5 0.5 0.5 0.5", "there is no class 2 among the 2 names."),
        ("-1 0.5 0.5 0.5 0.5", "there is no class -1 among the 2 names."),
        ("0.5 0.5 0.5 0.5 0.5", "there is no class 0.5 among the 2 names."),
        ("nan 0.5 0.5 0.5 0.5", "there is no class nan among the 2 names."),
        ("0 50 50 20 20", "its coordinates must be fractions of the image, 0 to 1."),
        ("0 0.5 0.5 nan 0.5", "its coordinates must be fractions of the image, 0 to 1."),
        ("0 0.5 0.5 1e999 0.5", "its coordinates must be fractions of the image, 0 to 1."),
        ("0 0.5 0.5 0 0.5", "its box has no area in the image."),
    ],
)
def test_a_line_that_cannot_be_used_is_a_problem(tmp_path: Path, line: str, problem: str) -> None:
    (tmp_path / "images/val").mkdir(parents=True)
    assert problems(tmp_path, f"{LINE}{line}\n") == (f"labels/train/a.txt, line 2: {problem}",)
    assert labeled(tmp_path, f"{LINE}{line}\n").boxes == (CAT,)


def test_boxes_over_the_edge_are_clipped(tmp_path: Path) -> None:
    assert labeled(tmp_path, "0 0 0.5 0.5 1.005").boxes == (Box("cat", 0, 0, 0.25, 1),)


def test_names_stay_texts(tmp_path: Path) -> None:
    config = "train: images/train\nnames: [007, no, 1e3, ~]\n"
    lines = "".join(f"{number} 0.5 0.5 0.{number + 1} 0.5\n" for number in range(4))
    found = labeled(tmp_path, lines, config).boxes
    assert [box.label for box in found] == ["007", "no", "1e3", "~"]


def test_an_empty_line_of_classes_keeps_the_numbers_of_the_next(tmp_path: Path) -> None:
    files = {"classes.txt": "\ufeffcat\n\ndog\n", "a.jpg": "", "a.txt": "2 0.5 0.5 1 1"}
    found = yolo.read(tree(tmp_path, files), tmp_path / "classes.txt")
    assert found.images["a.jpg"].label == "dog"
    assert found.problems == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("names: [cat", "not valid YAML in line"),
        ("a: " + "[" * 20_000, "not valid YAML"),
        ("train: x\nnc: 2\n", "no names of classes"),
        ("names: cat\ntrain: x\n", "no names of classes"),
        ("- a\n- b\n", "no names of classes"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused_with_a_sentence(
    tmp_path: Path, config: str, sentence: str
) -> None:
    with pytest.raises(WorkbenchError, match=sentence):
        labeled(tmp_path, LINE, config)


def test_a_config_that_is_no_text_too_large_or_gone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WorkbenchError, match="is not text in UTF-8"):
        yolo.read(tmp_path, tmp_path / "data.yaml")
    with pytest.raises(WorkbenchError, match="gone.yaml cannot be read: No such file"):
        yolo.read(tmp_path, tmp_path / "gone.yaml")
    monkeypatch.setattr(yolo_config, "MAX_BYTES", 2)
    with pytest.raises(WorkbenchError, match="has more than"):
        yolo.read(tmp_path, tmp_path / "data.yaml")


def test_no_labels_at_all_is_refused_with_a_sentence(tmp_path: Path) -> None:
    tree(tmp_path, {"data.yaml": CONFIG, "images/train/a.jpg": ""})
    with pytest.raises(WorkbenchError, match="No image has a file of labels"):
        yolo.read(tmp_path, tmp_path / "data.yaml")


def test_yolo_files_are_recognized(tmp_path: Path) -> None:
    files = {
        "data.yaml": CONFIG,
        "coco8.yml": "nc: 1\nnames: ['a']\n",
        "hyp.yaml": "lr0: 0.1\n",
        "names.yaml": "names: [a]\n",
        "one/classes.txt": "cat\n",
        "one/a.jpg": "",
        "one/a.txt": LINE,
        "two/classes.txt": "cat\n",
        "two/labels/a.txt": LINE,
        "three/classes.txt": "cat\n",
        "three/a.jpg": "",
        "four/labels.txt": LINE,
        "five/obj.names": "cat\n",
        "five/obj_train_data/a.jpg": "",
        "five/obj_train_data/a.txt": LINE,
    }
    tree(tmp_path, files)
    (tmp_path / "bad.yaml").write_bytes(b"\xff")
    recognized = {name for name in (*files, "bad.yaml") if yolo.recognizes(tmp_path / name)}
    tables = {"one/classes.txt", "two/classes.txt", "five/obj.names"}
    assert recognized == {"data.yaml", "coco8.yml"} | tables
