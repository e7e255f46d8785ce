"""Sentences about annotations."""

from core.datasets.annotations.annotated import Annotated
from core.datasets.annotations.annotation import Annotation, Box
from core.datasets.annotations.summary import sentences

BOX = Box("cat", 0.0, 0.0, 1.0, 1.0)


def test_boxes_are_counted_and_their_rule_is_told() -> None:
    annotated = Annotated(
        images={"a.jpg": Annotation("cat", boxes=(BOX, BOX))},
        files=("instances.json",),
        without=("b.jpg",),
        problems=("instances.json, annotation 1: it has no box of four numbers.",),
        num_problems=2,
    )
    assert sentences(annotated) == [
        "2 boxes; an image gets the class whose boxes cover the most area.",
        "1 of 2 images are not annotated, such as b.jpg.",
        "2 problems, such as instances.json, annotation 1: it has no box of four numbers.",
    ]


def test_without_boxes_none_are_told_of() -> None:
    annotated = Annotated(images={"a.jpg": Annotation("cat")}, files=("a.csv",))
    assert sentences(annotated) == []
