"""The files of a source that is not imported yet."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from core.datasets.annotations.annotated import Annotated
from core.datasets.annotations.formats import columns_of
from core.datasets.annotations.patterns import suggest_pattern
from core.datasets.annotations.source import annotate, offered
from core.datasets.file_search import FoundFolder
from core.datasets.importing.annotating import image_paths
from core.datasets.layout import Reading
from core.datasets.tally import Tally

Open = Callable[[str], bytes | None]
"""Returns the thumbnail of a listed image as a JPEG, or None if there is none."""


@dataclass(kw_only=True)
class Listing:
    """The files of a source."""

    folders: list[FoundFolder]
    tally: Tally
    """What is skipped, however its folders are read."""

    thumbnail: Open
    root: Path
    """Folder of the files that may annotate the images: that of the source, or of copies."""

    is_complete: bool = True
    """Whether all files were seen; otherwise the numbers are those of the first ones."""

    copies: "tempfile.TemporaryDirectory[str] | None" = None
    """Folder of copies, which is deleted with the listing."""

    known: dict[Reading, Annotated] = field(default_factory=dict)
    """Annotations by the fields of the reading that say where they come from; only the last ones,
    because each may be about 100,000 images."""

    known_columns: dict[str, list[str]] = field(default_factory=dict)
    """Columns by table, which are read once."""

    @cached_property
    def paths(self) -> list[str]:
        """Paths of the images, relative to the root."""
        return image_paths(self.folders)

    @cached_property
    def offered(self) -> list[str]:
        """Files that may be chosen as annotations, those near the root first."""
        return offered(self.root, self.tally.annotations)

    @cached_property
    def suggested_pattern(self) -> str:
        """The common pattern of file names that fits the images best."""
        return suggest_pattern(self.paths)

    def columns(self, file: str) -> list[str]:
        """Return the names of a table's columns.

        Raises:
            WorkbenchError: It cannot be read.
        """
        if file not in self.known_columns:
            self.known_columns[file] = columns_of(self.root / file)
        return self.known_columns[file]

    def annotated(self, reading: Reading) -> Annotated:
        """Return the annotations of the source; they are read once for a listing.

        Raises:
            WorkbenchError: They cannot be used.
        """
        wanted = Reading(
            labels=reading.labels,
            annotations=reading.annotations,
            columns=reading.columns,
            pattern=reading.pattern,
        )
        found = self.known.get(wanted)
        if found is None:
            found = annotate(self.root, self.tally.annotations, self.paths, wanted)
            self.known = {wanted: found}
        return found
