"""Bundle files: their format, and how they are read and checked."""

import hashlib
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.datasets.columns import Split
from core.datasets.importing.archive_member import DAMAGED
from core.errors import MissingError, WorkbenchError
from core.files import FULL_DISK, parse_json
from core.options import from_json
from core.workspace import check_text

FORMAT, VERSION = "image retrieval bundle", 1
DESCRIPTION, IMAGES = "bundle.json", "images.jsonl"
KINDS = ("model", "embeddings", "index")
"""The artifacts in a bundle, each made from those before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleImage:
    """An image in a bundle.

    Raises:
        WorkbenchError: The label contains characters that cannot be shown.
        ValueError: Another value is invalid.
    """

    id: int
    """Catalog id, also in the embeddings and the index."""

    path: str
    """Path relative to the root of the exported dataset."""

    label: str | None
    split: str | None
    sha256: str
    """Of the thumbnail."""

    def __post_init__(self) -> None:
        if type(self.id) is not int or not 0 < self.id < 1 << 63:
            raise ValueError(f"an image's id is {self.id}")
        if not isinstance(self.path, str) or not isinstance(self.sha256, str):
            raise ValueError(f"image {self.id} has no path or no checksum")
        if self.label is not None:
            check_text("label", str(self.label))
        if self.split is not None:
            Split(self.split)


def thumbnail_entry(image_id: int) -> str:
    """Return the name of a thumbnail in the zip."""
    return f"images/{image_id}.jpg"


ENTRY = re.compile(
    r"bundle\.json|images\.jsonl|README\.txt|images/[1-9][0-9]{0,18}\.jpg"
    rf"|({'|'.join(KINDS)})/[A-Za-z0-9][A-Za-z0-9._-]{{0,79}}"
)
"""Names of the entries of a bundle; no other name is ever written to the disk."""

NO_BUNDLE = "is not a bundle of this app, or was cut off"
LOCKED = 1 << 0
"""Flag of an encrypted entry (APPNOTE.TXT, 4.4.4)."""

ADVICE = "Export the bundle again where it came from, and copy the whole file."


class BundleFile:
    """A bundle that is open for reading."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        """Check the names and sizes of the entries.

        Raises:
            WorkbenchError: It is not a bundle, or one of another version.
        """
        self._path, self._archive = path, archive
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        if DESCRIPTION not in names or IMAGES not in names:
            raise self.wrong(NO_BUNDLE)
        for entry in entries:
            is_plain = entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & LOCKED
            if not ENTRY.fullmatch(entry.filename):
                raise self.wrong(f"has an entry “{entry.filename[:80]}”, which no bundle has")
            if not is_plain or entry.compress_size != entry.file_size:
                raise self.wrong("was packed again by another program")
        if len(names) != len(entries):
            raise self.wrong("has two entries of one name")
        self.num_bytes = sum(entry.file_size for entry in entries)
        size = path.stat().st_size
        if self.num_bytes > size:  # Nothing in it is compressed
            raise self.wrong(
                f"says that it holds {self.num_bytes / 1e6:,.1f} MB, and has {size / 1e6:,.1f} MB"
            )
        self._description = self._describe()

    def wrong(self, what: str) -> WorkbenchError:
        """Return an error about the file."""
        return WorkbenchError(f"{self._path.name} {what}.", ADVICE)

    def read(self, name: str) -> bytes:
        """Return an entry's content, verified by its checksum in the zip."""
        with self._reading(name):
            return self._archive.read(name)

    def images(self) -> list[BundleImage]:
        """Return its images, by ascending id."""
        content = self.read(IMAGES)
        if hashlib.sha256(content).hexdigest() != self._description.get(IMAGES):
            raise self.wrong(f"is damaged: {IMAGES} was changed")
        try:
            images = [
                from_json(BundleImage, parse_json(line)) for line in content.decode().splitlines()
            ]
        except (ValueError, TypeError, WorkbenchError) as error:
            raise self.wrong("describes an image in a way that no bundle does") from error
        if len({image.id for image in images}) != len(images):
            raise self.wrong("describes an image twice")
        return sorted(images, key=lambda image: image.id)

    def unpack(self, kind: str, folder: Path) -> None:
        """Write the files of the artifact of a kind into a new folder."""
        folder.mkdir(parents=True)
        for name in self._archive.namelist():
            if name.startswith(f"{kind}/"):
                with (
                    self._reading(name),
                    self._archive.open(name) as packed,
                    (folder / name.removeprefix(f"{kind}/")).open("xb") as file,
                ):
                    shutil.copyfileobj(packed, file, 1 << 20)

    def _describe(self) -> dict[str, Any]:
        try:
            description = parse_json(self.read(DESCRIPTION))
            is_one, version = description["format"] == FORMAT, description["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise self.wrong(NO_BUNDLE) from error
        if not is_one or version != VERSION:
            raise self.wrong(f"is a bundle of version {version}, and {VERSION} is read here")
        return dict(description)

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except DAMAGED as error:
            if isinstance(error, OSError) and error.errno in FULL_DISK:
                raise
            raise self.wrong(f"is damaged at {name}") from error


@contextmanager
def open_bundle_file(path: Path) -> Iterator[BundleFile]:
    """Open a bundle.

    Raises:
        MissingError: There is no such file.
        WorkbenchError: It is not a bundle, or cut off.
    """
    if not path.is_file():
        raise MissingError(f"There is no file {path}.", "Check the path and try again.")
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise WorkbenchError(f"{path.name} {NO_BUNDLE}.", ADVICE) from error
    with archive:
        yield BundleFile(path, archive)
