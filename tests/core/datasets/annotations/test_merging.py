"""Two annotations of one image are joined, and what contradicts is a problem."""

import pytest

from core.datasets.annotations.annotation import MAX_PROBLEMS, Annotation, Box
from core.datasets.annotations.merging import Problems, joined
from core.datasets.columns import Split

CAT, DOG = Box("cat", 0, 0, 0.1, 0.1), Box("dog", 0, 0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("known", "new", "expected"),
    [
        (
            Annotation("a", tags=("x",)),
            Annotation("b", tags=("y",)),
            Annotation("a", None, ("x", "y")),
        ),
        (Annotation(), Annotation("b", Split.TEST), Annotation("b", Split.TEST)),
        (Annotation("a"), Annotation("cat", boxes=(CAT,)), Annotation("cat", boxes=(CAT,))),
        (
            Annotation("cat", boxes=(CAT,)),
            Annotation("dog", boxes=(CAT, DOG)),
            Annotation("dog", boxes=(CAT, DOG)),
        ),
    ],
)
def test_both_count(known: Annotation, new: Annotation, expected: Annotation) -> None:
    problems = Problems()
    assert joined(known, new, "a.jpg", problems) == expected
    assert problems.number == 0


def test_the_first_split_counts_and_the_second_is_a_problem() -> None:
    problems = Problems()
    found = joined(Annotation(split=Split.TEST), Annotation(split=Split.TRAIN), "a.jpg", problems)
    assert found.split == Split.TEST
    assert problems.sentences == ["a.jpg: it is in test and train; test counts."]


def test_all_problems_are_counted_and_the_first_ones_kept() -> None:
    problems = Problems()
    problems.add_all(["x"] * (MAX_PROBLEMS - 1), 500)
    problems.add_all(["y", "z"], 2)
    assert (problems.number, problems.sentences[-2:]) == (502, ["x", "y"])
