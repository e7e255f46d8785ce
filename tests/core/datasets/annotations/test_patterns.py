"""Labels from the names of files."""

import pytest

from core.datasets.annotations.annotation import Annotation
from core.datasets.annotations.patterns import parse_pattern, suggest_pattern
from core.datasets.columns import Split
from core.errors import WorkbenchError


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{class}_{number}", "images/great_pyrenees_12.jpg", "great_pyrenees"),
        ("{class}_{number}.jpg", "great_pyrenees_12.JPG", "great_pyrenees"),
        ("{class}_{number}.jpg", "great_pyrenees_12.png", None),
        ("{class}_{number}", "great_pyrenees.jpg", None),
        ("{class}{number}", "cat12.jpg", "cat"),
        ("{class}.{any}", "cat.0001.jpg", "cat.0001"),
        ("{class}.{number}.jpg", "cat.17.jpg", "cat"),
        ("{any}_{class}", "img_001_cat.v2.png", "cat.v2"),
        ("IMG-{number}-{class}", "img-7-Cat (1).jpg", "Cat (1)"),
        ("{class}/{any}", "pets/cat/1.jpg", "cat"),
        ("{class}+{any}", "c++a.jpg", "c+"),
        ("{class}_{number}", "ba\u0308r_1.jpg", "b\u00e4r"),
    ],
)
def test_a_pattern_reads_the_class(pattern: str, path: str, expected: str | None) -> None:
    found = parse_pattern(pattern).read(path)
    assert (found.label if found else None) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["great_pyrenees_12.jpg", "cat_1.jpg", "odd.jpg"], "{class}_{number}"),
        (["train/cat.0.jpg", "train/dog.1.jpg", "test1/1.jpg"], "{class}.{number}"),
        (["cat-1.jpg", "dog-2.png"], "{class}-{number}"),
        (["cat (1).jpg", "dog (2).jpg"], "{class} ({number})"),
        (["0001_cat.jpg", "0002_dog.jpg"], "{number}_{class}"),
        (["cat_a.jpg", "dog_b.jpg"], "{class}_{any}"),
        (["cat1.jpg", "dog22.jpg"], "{class}{number}"),
        (["cat.jpg", "1.jpg"], "{class}_{number}"),
        ([], "{class}_{number}"),
        ([f"cat.{number}.jpg" for number in range(3000)], "{class}.{number}"),
    ],
)
def test_a_usual_pattern_is_suggested(names: list[str], expected: str) -> None:
    assert suggest_pattern(names) == expected


def test_a_pattern_reads_splits_and_tags() -> None:
    pattern = parse_pattern("{split}_{class}_{number}_{tag}")
    assert pattern.read("valid_maine_coon_3_flash.jpg") == Annotation(
        "maine_coon", Split.VALIDATION, ("flash",)
    )
    assert pattern.read("other_maine_coon_3_flash.jpg") is None


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("", "A pattern has 1 to 200 characters"),
        ("x" * 201, "A pattern has 1 to 200 characters"),
        ("{klass}_{number}", "“{klass}” is not a placeholder. Use {class}"),
        ("{number}", "has no {class}, {split} or {tag}"),
        ("{class", "The pattern has an unmatched “{”"),
        ("{class}_{class}", "has {class} twice"),
        ("{class}{any}", "Nothing separates {class} and {any}"),
        ("{class}_{number}{number}", "Nothing separates {number} and {number}"),
        ("{class}_{any}_{any}_{any}", "too many placeholders"),
    ],
)
def test_a_pattern_that_cannot_be_used_says_why(pattern: str, sentence: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        parse_pattern(pattern)
    assert sentence in str(caught.value)


def test_a_hostile_name_ends_soon() -> None:
    pattern = parse_pattern("{any}_{class}_{tag}_{number}x{number}x{number}")
    assert pattern.read("_1x" * 170 + ".jpg") is None
    assert pattern.read("_" * 100_000 + ".jpg") is None
