"""Tree of an export, with images in class folders: copies, links, or a zip."""

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.datasets.columns import ImageRow
from core.datasets.export.listing import (
    COLUMNS,
    FILE_NAME,
    ZIPS,
    Format,
    Record,
    Write,
    csv_table,
    json_lines_table,
)
from core.datasets.export.names import METADATA, METADATA_LINES
from core.errors import UnfetchedImageError, WorkbenchError
from core.net.object_cache import hold
from core.net.object_paths import is_remote

UNDATED = (1980, 1, 1, 0, 0, 0)
"""Date of all entries of a zip, its earliest one, so that the same images make the same bytes."""

CHUNK = 2000
"""Rows per read of the catalog."""

REASON = "reason"
"""Column of the table of images that could not be exported."""

Add = Callable[[str, Path, bytes | None], None]
"""Function of a path in the tree, the original file, and its content, which links ignore."""


@contextmanager
def open_tree(folder: Path, form: Format, archive: str) -> Iterator[Add]:
    """Yield a function that adds images to a new tree or the zip `archive` in an existing folder.

    Raises:
        OSError: It cannot be written.
    """
    if form in ZIPS:
        with (folder / archive).open("xb") as file, zipfile.ZipFile(file, "w") as opened:
            yield lambda path, _, content: opened.writestr(_entry(path), content or b"")
    elif form == Format.LINKS:
        yield lambda path, original, _: _parent_of(folder / path).symlink_to(original.absolute())
    else:
        yield lambda path, _, content: _write(_parent_of(folder / path), content or b"")


@contextmanager
def open_tables(folder: Path, form: Format) -> Iterator[Callable[[str, Record], None]]:
    """Yield a function that adds a row to the table of a split: `metadata.csv` in its folder.

    It is `metadata.jsonl` in the format of that name.

    Raises:
        OSError: It cannot be written.
    """
    writers: dict[str, Write] = {}
    with ExitStack() as files:

        def add(split: str, record: Record) -> None:
            if split not in writers:
                if form == Format.JSON_LINES:
                    table = json_lines_table(_parent_of(folder / split / METADATA_LINES))
                else:
                    table = csv_table(_parent_of(folder / split / METADATA), (FILE_NAME, *COLUMNS))
                writers[split] = files.enter_context(table)
            writers[split]([record])

        yield add


def read_original(path: Path, image: ImageRow, *, to_link: bool) -> tuple[bytes | None, str]:
    """Return (content of the image file, "") or (None, reason why it cannot be exported).

    Raises:
        UnreachableStoreError: The server of the image is away or refuses the credentials.
    """
    if image.problem:
        return None, image.problem
    if to_link and is_remote(path):
        return None, "It has no file to link to; export copies instead."
    try:
        with hold([path]) as [file]:
            if isinstance(file, UnfetchedImageError):
                return None, file.problem
            if not file.is_file():
                return None, "The file is missing; restore it or delete it from the dataset."
            if to_link:
                return None, ""
            content = file.read_bytes()
    except OSError as error:
        return None, f"The file cannot be read ({error.strerror or error})."
    if hashlib.sha256(content).hexdigest() != image.sha256:
        return None, "The file has changed since the last scan; rescan the dataset."
    return content, ""


def list_left_out(left_out: list[Record], num_images: int, path: Path) -> None:
    """Write the table of the images that could not be exported, if there are any.

    Raises:
        WorkbenchError: No image could be exported.
    """
    if left_out and not num_images:
        raise WorkbenchError(
            f"None of the {len(left_out):,} images can be exported.",
            f"The first is {left_out[0]['path'][:80]}: {left_out[0][REASON]}",
        )
    if left_out:
        with csv_table(path, ("id", "path", REASON)) as write:
            write(left_out)


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
