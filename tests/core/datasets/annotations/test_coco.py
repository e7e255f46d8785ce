"""COCO files: boxes, classes and splits, and what is wrong with a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from core.datasets.annotations import coco, coco_content
from core.datasets.annotations.annotated import Annotated
from core.datasets.annotations.annotation import MAX_PROBLEMS, Box
from core.datasets.annotations.source import annotate
from core.datasets.columns import Split
from core.datasets.layout import Reading
from core.errors import WorkbenchError
from tests.factories.images import solid

CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 7, "name": "dog", "supercategory": "animal"}]
IMAGES = [{"id": 10, "file_name": "a.jpg", "width": 200, "height": 100}]


def written(path: Path, **content: Any) -> Path:
    """A COCO file of one image of 200 × 100 pixels with these lists in place of the usual."""
    usual = {"images": IMAGES, "annotations": [], "categories": CATEGORIES}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(usual | content))
    return path


def annotated(*bbox: Any, category: Any = 1, image: Any = 10, **fields: Any) -> dict[str, Any]:
    return {"id": 1, "image_id": image, "category_id": category, "bbox": list(bbox)} | fields


def test_boxes_become_fractions_and_the_largest_gives_the_class(tmp_path: Path) -> None:
    boxes = [annotated(25, 25, 50, 50), annotated(0, 0, 100, 100, category=7)]
    file = written(tmp_path / "boxes.json", annotations=boxes)
    found = coco.read(tmp_path, file)
    image = found.images["a.jpg"]
    assert image.boxes == (Box("cat", 0.125, 0.25, 0.25, 0.5), Box("dog", 0.0, 0.0, 0.5, 1.0))
    assert (image.label, image.split, image.tags, image.size) == ("dog", None, (), (200, 100))
    assert (found.problems, found.num_problems) == ((), 0)


def test_an_image_without_boxes_has_no_class(tmp_path: Path) -> None:
    crowd = annotated(0, 0, 50, 50, iscrowd=1, segmentation={"counts": [1], "size": [1, 1]})
    found = coco.read(tmp_path, written(tmp_path / "a.json", annotations=[crowd]))
    assert found.images["a.jpg"].label is None
    assert found.images["a.jpg"].boxes == ()
    assert found.num_problems == 0


def test_a_file_without_annotations_lists_images(tmp_path: Path) -> None:
    file = tmp_path / "image_info_test-dev2017.json"
    file.write_text(json.dumps({"images": IMAGES}))
    [image] = coco.read(tmp_path, file).images.values()
    assert (image.label, image.split) == (None, Split.TEST)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("instances_train2017.json", Split.TRAIN),
        ("instances_val2017.json", Split.VALIDATION),
        ("valid/_annotations.coco.json", Split.VALIDATION),
        ("test/_annotations.coco.json", Split.TEST),
        ("annotations/instances_default.json", None),
        ("labels.json", None),
    ],
)
def test_the_split_is_that_of_the_file_or_its_folder(
    tmp_path: Path, name: str, split: Split | None
) -> None:
    file = written(tmp_path / name)
    assert coco.read(tmp_path, file).images["a.jpg"].split == split


@pytest.mark.parametrize(
    ("file", "written_as", "image"),
    [
        ("annotations/instances_train2017.json", "a.jpg", "train2017/a.jpg"),
        ("annotations/instances_train.json", "a.jpg", "images/train/a.jpg"),
        ("annotations/x.json", "a.jpg", "images/a.jpg"),
        ("labels.json", "a.jpg", "data/a.jpg"),
        ("train/_annotations.coco.json", "a.jpg", "train/a.jpg"),
        ("annotations/x.json", "images\\a.jpg", "images/a.jpg"),
        ("annotations/x.json", "../images/a.jpg", "images/a.jpg"),
        ("x.json", "./some/where/a.jpg", "some/where/a.jpg"),
        ("one/annotations/x.json", "a.jpg", "one/images/a.jpg"),
    ],
)
def test_images_are_found_where_the_usual_layouts_have_them(
    tmp_path: Path, file: str, written_as: str, image: str
) -> None:
    (tmp_path / image).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / image).touch()
    path = written(tmp_path / file, images=[IMAGES[0] | {"file_name": written_as}])
    assert [*coco.read(tmp_path, path).images] == [image]


def test_a_path_that_is_not_found_stays_as_written(tmp_path: Path) -> None:
    path = written(tmp_path / "x.json", images=[IMAGES[0] | {"file_name": "some\\where\\a.jpg"}])
    assert [*coco.read(tmp_path, path).images] == ["some/where/a.jpg"]


def together(root: Path, files: list[Path], *images: str) -> Annotated:
    """What COCO files say about images, as an import recognizes them."""
    return annotate(root, [str(file.relative_to(root)) for file in files], images, Reading())


def test_several_files_are_read_together(tmp_path: Path) -> None:
    for split in ("train2017", "val2017"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a.jpg").touch()
    files = [
        written(tmp_path / f"annotations/instances_{split}.json", annotations=[annotated(*box)])
        for split, box in [("train2017", (0, 0, 20, 10)), ("val2017", (0, 0, 40, 10))]
    ]
    found = together(tmp_path, files, "train2017/a.jpg", "val2017/a.jpg").images
    assert found["train2017/a.jpg"].boxes == (Box("cat", 0, 0, 0.1, 0.1),)
    assert found["train2017/a.jpg"].split == Split.TRAIN
    assert found["val2017/a.jpg"].boxes == (Box("cat", 0, 0, 0.2, 0.1),)
    assert found["val2017/a.jpg"].split == Split.VALIDATION


def test_equal_boxes_count_once_and_a_second_split_is_a_problem(tmp_path: Path) -> None:
    box = annotated(0, 0, 20, 10)
    other = [box, annotated(0, 0, 40, 10, category=7)]
    (tmp_path / "a.jpg").touch()
    files = [
        written(tmp_path / "a/instances_train.json", annotations=[box]),
        written(tmp_path / "b/instances_train.json", annotations=other),
        written(tmp_path / "c/instances_val.json", annotations=[box]),
    ]
    found = together(tmp_path, files, "a.jpg")
    assert found.images["a.jpg"].boxes == (Box("cat", 0, 0, 0.1, 0.1), Box("dog", 0, 0, 0.2, 0.1))
    assert found.images["a.jpg"].split == Split.TRAIN
    assert found.problems == ("a.jpg: it is in train and validation; train counts.",)


def test_ids_may_be_texts_or_whole_numbers(tmp_path: Path) -> None:
    boxes = [annotated(0, 0, 20, 10, image="10", category=1.0)]
    found = coco.read(tmp_path, written(tmp_path / "x.json", annotations=boxes))
    assert found.images["a.jpg"].label == "cat"


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (annotated(0, 0, 5, 5, image=11), "there is no image 11."),
        (annotated(0, 0, 5, 5, image=None), "there is no image None."),
        (annotated(0, 0, 5, 5, category=2), "there is no class 2."),
        (annotated(0, 0, 5, 5, category=True), "there is no class True."),
        (annotated(0, 0, 5), "it has no box of four numbers."),
        (annotated(0, 0, 5, "5"), "it has no box of four numbers."),
        (annotated(0, 0, 5, float("nan")), "it has no box of four numbers."),
        (annotated(0, 0, 5, float("inf")), "it has no box of four numbers."),
        (annotated(0, 0, 5, 10**400), "it has no box of four numbers."),
        (annotated(0, 0, 5, 0), "its box, in pixels, has no area in the image."),
        (annotated(200, 0, 5, 5), "its box, in pixels, has no area in the image."),
        (annotated(0, 0, -5, 5), "its box, in pixels, has no area in the image."),
        (annotated(0.1, 0.1, 0.5, 0.5), "its box, in pixels, has no area in the image."),
        ("text", "it is not an object."),
    ],
)
def test_an_annotation_that_cannot_be_used_is_a_problem(
    tmp_path: Path, found: Any, problem: str
) -> None:
    good = annotated(0, 0, 20, 10)
    file = written(tmp_path / "x.json", annotations=[found, good])
    read = coco.read(tmp_path, file)
    assert read.num_problems == 1
    assert read.problems[0].startswith("x.json, annotation ")
    assert read.problems[0].endswith(f": {problem}")
    assert read.images["a.jpg"].boxes == (Box("cat", 0, 0, 0.1, 0.1),)


def test_boxes_over_the_edge_are_clipped(tmp_path: Path) -> None:
    file = written(tmp_path / "x.json", annotations=[annotated(-20, 50, 60, 500)])
    assert coco.read(tmp_path, file).images["a.jpg"].boxes == (Box("cat", 0, 0.5, 0.2, 0.5),)


def test_doubled_ids_and_missing_names_are_problems(tmp_path: Path) -> None:
    images = [*IMAGES, IMAGES[0] | {"file_name": "b.jpg"}, {"id": 12}, 5]
    categories = [*CATEGORIES, {"id": 1, "name": "cow"}, {"id": 3, "name": " "}, None]
    found = coco.read(tmp_path, written(tmp_path / "x.json", images=images, categories=categories))
    assert [*found.images] == ["a.jpg"]
    assert found.num_problems == 6
    assert "x.json, class 1: its id is missing or that of another class." in found.problems
    assert "x.json, image 12: it has no file_name." in found.problems


def test_all_problems_are_counted_and_the_first_are_kept(tmp_path: Path) -> None:
    boxes = [annotated(0, 0, 0, 0)] * (MAX_PROBLEMS + 5)
    found = coco.read(tmp_path, written(tmp_path / "x.json", annotations=boxes))
    assert (len(found.problems), found.num_problems) == (MAX_PROBLEMS, MAX_PROBLEMS + 5)


def test_a_missing_size_is_read_from_the_image(tmp_path: Path) -> None:
    solid("red", 32).save(tmp_path / "a.png")
    images = [{"id": 10, "file_name": "a.png"}, {"id": 11, "file_name": "gone.png", "width": 0}]
    boxes = [annotated(8, 8, 16, 8), annotated(8, 8, 16, 8, image=11)]
    (tmp_path / "gone.png").touch()
    found = coco.read(tmp_path, written(tmp_path / "x.json", images=images, annotations=boxes))
    assert found.images["a.png"].boxes == (Box("cat", 0.25, 0.25, 0.5, 0.25),)
    assert found.images["a.png"].size is None
    assert found.problems == ("x.json, annotation 1: its image has no width and height.",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "x.json is not valid JSON"),
        ("[" * 100_000, "x.json is not valid JSON"),
        ("[]", "not a COCO file of boxes: it has no list “images”"),
        ('{"images": {}}', "no list “images”"),
        ('{"images": [], "annotations": []}', "no list “categories”"),
    ],
)
def test_what_is_not_coco_is_refused_with_a_sentence(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(WorkbenchError, match=sentence):
        coco.read(tmp_path, tmp_path / "x.json")


def test_a_huge_file_is_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco_content, "MAX_JSON_BYTES", 10)
    with pytest.raises(WorkbenchError, match="x.json is larger than"):
        coco.read(tmp_path, written(tmp_path / "x.json"))
    with pytest.raises(WorkbenchError, match="There is no annotation file y.json"):
        coco.read(tmp_path, tmp_path / "y.json")


def test_coco_files_are_recognized_by_their_ends(tmp_path: Path) -> None:
    long = [annotated(0, 0, 5, 5)] * 2000
    assert coco.recognizes(written(tmp_path / "x.json"))
    assert coco.recognizes(written(tmp_path / "y.JSON", annotations=long))
    captions = {"annotations": [{"image_id": 10, "caption": "a cat"}], "images": IMAGES}
    (tmp_path / "captions.json").write_text(json.dumps(captions))
    (tmp_path / "other.json").write_text('{"images": 5, "bbox": []}')
    (tmp_path / "list.json").write_text('[{"image_id": 5, "bbox": [1, 2, 3, 4]}]')
    written(tmp_path / "coco.txt")
    for name in ("captions.json", "other.json", "list.json", "coco.txt", "gone.json"):
        assert not coco.recognizes(tmp_path / name), name
