"""Tree of an export, with images in class folders: copies, links, or a zip."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.datasets.columns import ImageRow
from core.datasets.export.listing import COLUMNS, FILE_NAME, Format, Record, Write, csv_table
from core.datasets.export.names import METADATA, TreeNames

UNDATED = (1980, 1, 1, 0, 0, 0)
"""Date of all entries of a zip, its earliest one, so that the same images make the same bytes."""

Add = Callable[[str, Path, bytes | None], None]
"""Function of a path in the tree, the original file, and its content, which links ignore."""


@contextmanager
def open_tree(folder: Path, form: Format, archive: str) -> Iterator[Add]:
    """Yield a function that adds images to a new tree.

    Args:
        folder: Existing folder for the tree or the zip.
        form: ZIP, FOLDER or LINKS.
        archive: Name of the zip.

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


class TreeTables:
    """Tables of a tree: one in the folder of each split, or one at the top without splits."""

    def __init__(self, folder: Path, files: ExitStack) -> None:
        """Take the folder of the tree, and the stack that closes the tables."""
        self._folder, self._files = folder, files
        self._writers: dict[str, Write] = {}

    def add(self, split: str, record: Record) -> None:
        """Write a row.

        Raises:
            OSError: It cannot be written.
        """
        if split not in self._writers:
            table = csv_table(_parent_of(self._folder / split / METADATA), (FILE_NAME, *COLUMNS))
            self._writers[split] = self._files.enter_context(table)
        self._writers[split]([record])


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


def place_image(names: TreeNames, image: ImageRow) -> tuple[str, str, str]:
    """Return the folder of an image's table, its path from there, and its path from the top."""
    split, name = names.place(image)
    return split, name, f"{split}/{name}" if split else name


def pack_tables(add: Add, folder: Path, tables: Sequence[Path]) -> None:
    """Add tables to a zip, at their paths relative to `folder`."""
    for table in tables:
        add(table.relative_to(folder).as_posix(), table, table.read_bytes())


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
