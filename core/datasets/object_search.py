"""Search for the images of a source at an address, and copies of the files that annotate them."""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from core.datasets.annotations.file_names import MAX_JSON_BYTES, may_annotate
from core.datasets.file_search import FoundFile, FoundFolder, advice, find_files
from core.datasets.folder_names import is_hidden, is_system_name
from core.datasets.image_names import is_image_name, why_not_image
from core.datasets.layout import BACKGROUND, MAX_DEPTH
from core.datasets.links import LinkPolicy
from core.datasets.tally import Reason, Tally
from core.errors import WorkbenchError
from core.net.object_errors import ObjectError
from core.net.object_listing import list_objects
from core.net.object_paths import MAX_NAME_BYTES, address_of
from core.net.object_store import fetch
from core.net.remote_address import RemoteAddress

COPIERS = 16
"""Annotation files that are fetched at once."""

MAX_SHOWN = 200
"""Most characters of a link that is shown."""

CLASS_LISTS = (".yaml", ".yml", ".txt", ".names")
"""Suffixes of the files that name the classes of texts for single images."""


def find_images(
    root: Path, left_out: frozenset[str], tally: Tally, links: LinkPolicy
) -> list[FoundFolder]:
    """Return the images under a folder, or at the address that it stands for.

    Args:
        root: The folder.
        left_out: Names of folders to skip.
        tally: Gets what is skipped.
        links: Which links on disk are followed.

    Raises:
        MissingError, DownloadError, WorkbenchError: As `find_files` and `find_objects`.
    """
    address = address_of(root)
    if address is None:
        return find_files(root, left_out, tally, links)
    return find_objects(address, left_out, tally)


def find_objects(
    address: RemoteAddress, left_out: frozenset[str], tally: Tally
) -> list[FoundFolder]:
    """Return the objects at an address that are named like images, by folder, sorted by path.

    Args:
        address: The address.
        left_out: Names of folders to skip.
        tally: Gets what is skipped. With limits the listing ends at them, and web servers are not
            asked for the sizes of files.

    Raises:
        MissingError: There is no such bucket, page or list.
        DownloadError: It cannot be listed.
        WorkbenchError: It contains no images, or is not allowed.
    """
    has_limits = tally.max_files != float("inf") or tally.until != float("inf")
    folders: dict[tuple[str, ...], list[FoundFile]] = {}
    listed = list_objects(
        address,
        lambda path: not has_limits and is_image_name(path.rpartition("/")[2]),
        lambda link: tally.skip(_without_secrets(link), Reason.ELSEWHERE),
        is_full=lambda: tally.is_full,
    )
    for found in listed:
        *parents, name = found.path.split("/")
        parts = tuple(parents)
        reason = _why_skipped(parts, name, left_out)
        if reason is not None:
            tally.skip(found.path, reason)
            _note_labels(found.path, reason, tally)
            continue
        folders.setdefault(parts, []).append((name, found.size_bytes, found.modified_ns))
        tally.num_files += 1
    if not folders and not tally.is_full:
        raise WorkbenchError(f"There are no images at {address}.", advice(tally))
    return [FoundFolder(parts, sorted(files)) for parts, files in sorted(folders.items())]


@contextmanager
def annotation_files(root: Path, tally: Tally) -> Iterator[Path]:
    """Provide the folder of the files that may annotate the images of a source.

    Args:
        root: The folder of the source. If it stands for an address, copies of the files that the
            tally has are provided; those that cannot be fetched are left out.
        tally: What was found in the source.

    Raises:
        DownloadError: The server is away or refuses the credentials.
    """
    address = address_of(root)
    if address is None:
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="annotations-") as copies:
        copy_annotations(address, tally, Path(copies))
        yield Path(copies)


def copy_annotations(address: RemoteAddress, tally: Tally, copies: Path) -> None:
    """Copy the files that may annotate the images at an address into a folder; see above."""

    def copy(path: str) -> None:
        target = copies / path
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            fetch(address, path, target, MAX_JSON_BYTES)
        except ObjectError:
            target.unlink(missing_ok=True)

    is_listed = any(path.lower().endswith(CLASS_LISTS) for path in tally.annotations)
    texts = tally.labels if is_listed else []  # Without a list of the classes they mean nothing
    with ThreadPoolExecutor(COPIERS) as copiers:
        list(copiers.map(copy, [*tally.annotations, *texts]))


def _without_secrets(link: str) -> str:
    """Return a link without a query, which may be a signature, and without a user name."""
    scheme, slashes, rest = link.partition("?")[0].rpartition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"[:MAX_SHOWN]


def _why_skipped(parts: tuple[str, ...], name: str, left_out: frozenset[str]) -> str | None:
    """Return why an object is no image of the source, or None, by the rules of folders."""
    every = (*parts, name)
    if any(part in ("", ".", "..") or "\0" in part for part in every):
        return Reason.NAME
    for part in every:
        if part in left_out:
            return Reason.BACKGROUND if part == BACKGROUND else part
        if is_system_name(part):
            return Reason.SYSTEM
        if is_hidden(part):
            return Reason.HIDDEN
    if len(parts) > MAX_DEPTH:
        return Reason.TOO_DEEP
    if not is_image_name(name):
        return why_not_image(name)
    is_long = any(len(part.encode()) > MAX_NAME_BYTES for part in every)
    return Reason.NAME if is_long else None


def _note_labels(path: str, reason: str, tally: Tally) -> None:
    name = path.rpartition("/")[2]
    if reason == Reason.OTHER and may_annotate(name) and path not in tally.annotations[-1:]:
        tally.labels.append(path)
