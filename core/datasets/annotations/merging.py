"""Merging of several annotations of one image, and problems of annotation files."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from core.datasets.annotations.annotation import MAX_PROBLEMS, Annotation
from core.datasets.annotations.geometry import main_label

T = TypeVar("T", bound=str)


@dataclass(slots=True)
class Problems:
    """Sentences about what cannot be used."""

    sentences: list[str] = field(default_factory=list)
    number: int = 0

    def add(self, sentence: str) -> None:
        """Note a problem; only the first ones are kept as text."""
        self.number += 1
        if len(self.sentences) < MAX_PROBLEMS:
            self.sentences.append(sentence)

    def add_all(self, sentences: Sequence[str], number: int) -> None:
        """Note so many problems, of which these are the first ones."""
        self.number += number
        self.sentences += sentences[: MAX_PROBLEMS - len(self.sentences)]


def joined(known: Annotation, new: Annotation, path: str, problems: Problems) -> Annotation:
    """Return what two files, or two entries of one, say about an image.

    It has the boxes of both, equal ones once. The first split counts; another one is a problem.
    """
    if known.split and new.split and known.split != new.split:
        problems.add(f"{path}: it is in {known.split} and {new.split}; {known.split} counts.")
    boxes = tuple(dict.fromkeys(known.boxes + new.boxes))
    first, second = (new, known) if new.boxes and not known.boxes else (known, new)
    of_boxes = main_label(boxes) if known.boxes and new.boxes else None
    return Annotation(
        label=of_boxes or first.label or second.label,
        split=known.split or new.split,
        tags=tuple(sorted({*known.tags, *new.tags})),
        boxes=boxes,
        size=known.size or new.size,
    )


@dataclass(slots=True)
class Merged:
    """Annotations of images, merged: what contradicts itself counts as unknown."""

    images: dict[str, Annotation] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)
    """Images with different labels."""

    splits: set[str] = field(default_factory=set)
    """Images with different splits."""

    def add(self, path: str, new: Annotation) -> str:
        """Add an annotation of an image; return a sentence if it is the first to contradict."""
        known = self.images.get(path)
        if known is None:
            self.images[path] = new
            return ""
        label, problem = _one("labels", path, self.labels, known.label, new.label)
        split, other = _one("splits", path, self.splits, known.split, new.split)
        tags = known.tags if known.tags == new.tags else tuple(sorted({*known.tags, *new.tags}))
        boxes = known.boxes if known.boxes == new.boxes else (*known.boxes, *new.boxes)
        self.images[path] = Annotation(label, split, tags, boxes, known.size or new.size)
        return problem or other


def _one(
    what: str, path: str, differing: set[str], known: T | None, new: T | None
) -> tuple[T | None, str]:
    """Return the one value, None if they differ, and a sentence the first time they do."""
    if path in differing:
        return None, ""
    if known is None or new is None or known == new:
        return new if known is None else known, ""
    differing.add(path)
    first, second = sorted((str(known), str(new)))
    return None, f"{path} has different {what}, “{first}” and “{second}”; it gets none."
