"""Paths of annotation files and the images that they mean."""

import unicodedata

import pytest

from core.datasets.annotations.annotation import Annotation
from core.datasets.annotations.matching import Matches, match

IMAGES = ["train/cat/1.jpg", "train/dog/1.jpg", "test/cat/2.jpg", "train/dog/Two words.JPG"]


def matched(rows: list[str], images: list[str] = IMAGES, folder: str = "") -> Matches:
    return match({row: Annotation(row) for row in rows}, images, folder)


def pairs(found: Matches) -> dict[str, str | None]:
    return {path: each.label for path, each in found.images.items()}


@pytest.mark.parametrize(
    ("row", "folder"),
    [
        ("test/cat/2.jpg", ""),
        ("./test/cat/2.jpg", ""),
        ("test\\cat\\2.jpg", ""),
        ("cat/2.jpg", "test"),
        ("test/cat/2.jpg", "labels"),
        ("../test/cat/2.jpg", "labels"),
        ("cat/2.jpg", ""),
        ("2.jpg", ""),
        ("2", ""),
        ("TEST/Cat/2.JPG", ""),
        ("/home/someone/pets/test/cat/2.jpg", ""),
        ("C:\\pets\\test\\cat\\2.jpg", ""),
        ("file:///pets/test/cat/2.jpg", ""),
        ("other/cat/2.jpg", ""),
    ],
)
def test_a_path_finds_its_image(row: str, folder: str) -> None:
    assert pairs(matched([row], folder=folder)) == {"test/cat/2.jpg": row}


def test_a_name_of_several_images_is_a_problem() -> None:
    found = matched(["1.jpg", "2.jpg"])
    assert (pairs(found), found.unused) == ({"test/cat/2.jpg": "2.jpg"}, ("1.jpg",))
    assert found.problems.sentences == [
        "1.jpg may be train/cat/1.jpg or train/dog/1.jpg; write the path in full."
    ]


def test_a_missing_extension_must_be_clear() -> None:
    found = matched(["a", "b"], ["a.jpg", "a.png", "b.webp"])
    assert (pairs(found), found.problems.number) == ({"b.webp": "b"}, 1)


def test_composed_and_decomposed_names_are_equal() -> None:
    name = "bär/ä.jpg"
    decomposed = unicodedata.normalize("NFD", name)
    assert list(matched([name], [decomposed]).images) == [decomposed]
    assert list(matched([decomposed], [name]).images) == [name]


def test_an_image_that_is_not_there_means_no_other_one() -> None:
    found = matched(["train/cat/1.jpg", "train/cat/2.jpg", "bird/Two words.JPG", "/x/9.jpg"])
    assert pairs(found) == {"train/cat/1.jpg": "train/cat/1.jpg"}
    assert found.unused == ("train/cat/2.jpg", "bird/Two words.JPG", "/x/9.jpg")
    assert found.problems.number == 0


def test_other_folders_at_the_start_count_if_most_paths_have_them() -> None:
    rows = [f"data/{path}" for path in IMAGES] + ["data/train/cat/2.jpg"]
    images = [f"pets/{path}" for path in IMAGES]
    found = matched(rows, images)
    assert pairs(found) == {f"pets/{path}": f"data/{path}" for path in IMAGES}
    assert found.unused == ("data/train/cat/2.jpg",)


def test_images_of_all_folders_may_lie_in_one() -> None:
    found = matched(["cat/1.jpg", "dog/2.jpg"], ["1.jpg", "2.jpg"])
    assert pairs(found) == {"1.jpg": "cat/1.jpg", "2.jpg": "dog/2.jpg"}


def test_two_paths_of_one_image_must_agree() -> None:
    found = matched(["a.jpg", "./a.jpg"], ["a.jpg"])
    assert found.images["a.jpg"].label is None
    assert found.problems.sentences == [
        "a.jpg has different labels, “./a.jpg” and “a.jpg”; it gets none."
    ]


def test_odd_paths_name_nothing() -> None:
    found = matched(["", "/", "..", "../..", "\\", "."], ["a.jpg", "b/c.jpg"])
    assert (pairs(found), len(found.unused)) == ({}, 6)
