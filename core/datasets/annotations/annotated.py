"""What annotation files, or the names of files, say about the images of a source."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.datasets.annotations.annotation import Annotation
from core.datasets.annotations.roles import Columns
from core.datasets.columns import Split
from core.datasets.layout import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotated:
    """What annotation files, or the names of files, say about the images of a source."""

    images: Mapping[str, Annotation] = field(default_factory=dict)
    """Path of an image → its annotation."""

    files: tuple[str, ...] = ()
    """The annotation files that were read, relative to the root."""

    columns: Columns = ()
    pattern: str = ""
    is_recognized: bool = False
    """Whether the files were recognized, not chosen."""

    has_labels: bool = False
    """Whether labels come from here, and folders name none."""

    unused: tuple[str, ...] = ()
    """Paths that name no image of the source."""

    without: tuple[str, ...] = ()
    """Paths of the images that are not annotated."""

    problems: tuple[str, ...] = ()
    """Sentences about what cannot be used, at most `MAX_PROBLEMS`."""

    num_problems: int = 0
    notes: tuple[str, ...] = ()
    """Sentences about what was assumed."""

    parts: tuple[str, ...] = ()
    """Paths of other files that were read with the annotation files."""

    @property
    def is_used(self) -> bool:
        """Whether anything annotates the images."""
        return bool(self.files or self.pattern)

    @property
    def num_rows(self) -> int:
        """Number of annotated images and of paths that name none."""
        return len(self.images) + len(self.unused)

    @property
    def num_boxes(self) -> int:
        """Number of boxes of the annotated images."""
        return sum(len(each.boxes) for each in self.images.values())

    @property
    def has_splits(self) -> bool:
        """Whether a split comes from here."""
        return any(each.split for each in self.images.values())

    def place(self, path: str, folders: Place) -> Place:
        """Return class and split of an image, of which the folders say `folders`."""
        found = self.images.get(path)
        if found is None:
            return Place(None, folders.split) if self.has_labels else folders
        label = found.label if self.has_labels else folders.label
        return Place(label, Split(found.split) if found.split else folders.split)


NOT_ANNOTATED = Annotated()
