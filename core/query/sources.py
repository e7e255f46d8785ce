"""Where the pixels of query images come from: uploaded bytes, or files."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class ImageSource:
    """The content of one query image."""

    name: str
    """Name of the upload, or path of the file."""

    content: Path | bytes
    """The file, or the uploaded bytes."""

    key: str
    """Identifies the content, as a cache key."""

    label: str | None = None
    """The class of an image of the dataset."""

    def open(self) -> Path | BinaryIO:
        """Return what an image decoder can read from."""
        return self.content if isinstance(self.content, Path) else BytesIO(self.content)
