"""Annotations from a table with a row for each image, whatever its format."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from core.datasets.annotations.annotation import Annotation, Annotations, Box
from core.datasets.annotations.geometry import main_label
from core.datasets.annotations.merging import Merged, Problems
from core.datasets.annotations.objects import OBJECTS, entries_of, read_box
from core.datasets.annotations.pixels import Size, read_size, stated_size
from core.datasets.annotations.roles import (
    Columns,
    Role,
    as_text,
    columns_there,
    read_label,
    read_split,
    read_tags,
    recognize_columns,
)
from core.datasets.columns import Split
from core.errors import WorkbenchError

MAX_ROWS = 10_000_000
"""Most rows that are read."""

V = TypeVar("V")

Row = tuple[int, Mapping[str, object]]
"""Number of a row's line, from 1, and column → value."""


class BadRowError(ValueError):
    """A row cannot be used; its text begins with the line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table that was opened."""

    name: str
    """Name of the file, for messages."""

    columns: Sequence[str]
    rows: Iterator[Row | BadRowError]
    notes: tuple[str, ...] = ()
    """Sentences about what was assumed, such as the encoding."""

    line: str = "line"
    """What its numbers count: lines or rows."""


def read_table(
    table: Table, chosen: Columns = (), split: Split | None = None, folder: Path | None = None
) -> Annotations:
    """Return the annotations of a table, with the paths of the images as it has them.

    Rows of one image are merged; if they contradict each other, the image has no label. Where no
    column names labels, its boxes do (`objects.py`).

    Args:
        table: The table.
        chosen: Columns that a user has chosen.
        split: Split of the rows that name none.
        folder: Folder that the paths are relative to, where boxes need the sizes of images.

    Raises:
        WorkbenchError: It has no column of paths, or none that says something about images.
    """
    roles = recognize_columns(table.columns, chosen, table.name)
    if Role.PATH not in roles:
        raise WorkbenchError(
            f"{table.name} has no column with paths of images.",
            f"Choose one, or name it file_name. {columns_there(table.columns)}",
        )
    if len(roles) == 1 and split is None and OBJECTS not in table.columns:
        raise WorkbenchError(
            f"{table.name} has no column of labels, splits or tags.",
            f"Choose one, or name it label. {columns_there(table.columns)}",
        )
    reader = _Reader(table, roles, split, folder)
    for number, row in enumerate(table.rows):
        if number >= MAX_ROWS:
            raise WorkbenchError(
                f"{table.name} has more than {MAX_ROWS:,} rows.", "Split it into several files."
            )
        reader.add(row)
    return Annotations(
        images=reader.merged.images,
        problems=tuple(reader.problems.sentences),
        num_problems=reader.problems.number,
        notes=table.notes,
    )


@dataclass(slots=True)
class _Reader:
    table: Table
    roles: Mapping[Role, str]
    split: Split | None
    folder: Path | None
    merged: Merged = field(default_factory=Merged)
    problems: Problems = field(default_factory=Problems)

    def add(self, row: Row | BadRowError) -> None:
        """Take a row."""
        if isinstance(row, BadRowError):
            self.problems.add(f"{self.table.name}, {row}.")
            return
        line, values = row
        path = as_text(values.get(self.roles[Role.PATH])).strip()
        if not path or "\0" in path:
            self._problem(line, "it has no path of an image")
            return
        size, boxes = self._boxes(line, path, values)
        of_boxes = None if Role.LABEL in self.roles else main_label(boxes)
        annotation = Annotation(
            label=self._read(line, values, Role.LABEL, read_label) or of_boxes,
            split=self._read(line, values, Role.SPLIT, read_split) or self.split,
            tags=self._read(line, values, Role.TAGS, read_tags) or (),
            boxes=boxes,
            size=size,
        )
        if problem := self.merged.add(path, annotation):
            self.problems.add(f"{self.table.name}: {problem}")

    def _boxes(
        self, line: int, path: str, values: Mapping[str, object]
    ) -> tuple[Size | None, tuple[Box, ...]]:
        """Return the size of an image and its boxes, of which it may have none."""
        try:
            entries = entries_of(values.get(OBJECTS))
        except ValueError as error:
            self._problem(line, str(error))
            return None, ()
        if not entries:
            return None, ()
        size = stated_size(values) or (read_size(self.folder, path) if self.folder else None)
        boxes: dict[Box, None] = {}  # Equal ones count once
        for label, edges in entries:
            try:
                boxes[read_box(label, edges, size)] = None
            except ValueError as error:
                self._problem(line, str(error))
        return size, tuple(boxes)

    def _read(
        self, line: int, values: Mapping[str, object], role: Role, read: Callable[[object], V]
    ) -> V | None:
        value = values.get(self.roles[role]) if role in self.roles else None
        try:
            return None if value is None else read(value)
        except ValueError as error:
            self._problem(line, str(error))
            return None

    def _problem(self, line: int, what: str) -> None:
        self.problems.add(f"{self.table.name}, {self.table.line} {line:,}: {what}.")
