"""Tree of an export, with images in class folders: copies, links, or a zip."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.datasets.columns import ImageRow
from core.datasets.export.listing import COLUMNS, FILE_NAME, Format, Record, Write, csv_table
from core.datasets.export.names import METADATA

UNDATED = (1980, 1, 1, 0, 0, 0)
"""Date of all entries of a zip, its earliest one, so that the same images make the same bytes."""

Add = Callable[[str, Path, bytes | None], None]
"""Function of a path in the tree, the original file, and its content, which links ignore."""


@contextmanager
def open_tree(folder: Path, form: Format, archive: str) -> Iterator[Add]:
    """Yield a function that adds images to a new tree or the zip `archive` in an existing folder.

    Raises:
        OSError: It cannot be written.
    """
    if form == Format.ZIP:
        with (folder / archive).open("xb") as file, zipfile.ZipFile(file, "w") as opened:
            yield lambda path, _, content: opened.writestr(_entry(path), content or b"")
    elif form == Format.LINKS:
        yield lambda path, original, _: _parent_of(folder / path).symlink_to(original.absolute())
    else:
        yield lambda path, _, content: _write(_parent_of(folder / path), content or b"")


@contextmanager
def open_tables(folder: Path) -> Iterator[Callable[[str, Record], None]]:
    """Yield a function that adds a row to the table of a split: `metadata.csv` in its folder.

    Raises:
        OSError: It cannot be written.
    """
    writers: dict[str, Write] = {}
    with ExitStack() as files:

        def add(split: str, record: Record) -> None:
            if split not in writers:
                table = csv_table(_parent_of(folder / split / METADATA), (FILE_NAME, *COLUMNS))
                writers[split] = files.enter_context(table)
            writers[split]([record])

        yield add


def read_original(path: Path, image: ImageRow, *, to_link: bool) -> tuple[bytes | None, str]:
    """Return (content of the image file, "") or (None, reason why it cannot be exported)."""
    if image.problem:
        return None, image.problem
    try:
        if not path.is_file():
            return None, "The file is gone; bring it back or forget it."
        if to_link:
            return None, ""
        content = path.read_bytes()
    except OSError as error:
        return None, f"The file cannot be read ({error.strerror or error}); see to it."
    if hashlib.sha256(content).hexdigest() != image.sha256:
        return None, "The file has changed since the last scan; scan the dataset again."
    return content, ""


def _entry(path: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path, UNDATED)
    entry.external_attr = 0o644 << 16
    return entry


def _parent_of(path: Path) -> Path:
    """Create the parent folder of `path`; return `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
