"""Previews of imports, cached for a short time: a page draws one in every run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import streamlit as st

from core.datasets.importing.changes import Changes, find_changes
from core.datasets.importing.listed_source import Listing
from core.datasets.importing.listing import list_archive, list_folder, list_upload
from core.datasets.importing.preview import Preview, preview, thumbnails
from core.datasets.layout import Reading
from core.datasets.registry import Dataset
from core.images.thumbnails import data_uri
from core.net.object_paths import folder_of
from state.cache_keys import BY_REVISION

TTL_S = 30
"""Seconds until a folder is looked into again."""

CHANGES_TTL_S = 10


@dataclass(frozen=True, slots=True)
class Listed:
    """The files of a source; its folders can be read in several ways."""

    key: str
    """Identifies the source and its files in this session."""

    listing: Listing

    def read(self, reading: Reading) -> Preview:
        """Return the preview of an import.

        Raises:
            WorkbenchError: The reading names a folder that is not there.
        """
        return preview(self.listing, reading)

    def thumbnails(self, seen: Preview) -> dict[str | None, list[str]]:
        """Return class → thumbnails of its first images as data URIs."""
        examples = tuple((label or "", paths) for label, paths in seen.examples.items())
        return _thumbnails(self.key, examples, self.listing, seen)


def of_folder(folder: str, reading: Reading) -> Listed:
    """List the images of a folder on the server, or at an address.

    Raises:
        WorkbenchError: It cannot be imported.
    """
    return _of_folder(folder, reading.keep_background, reading.links)


def of_archive(file_id: str, file: BinaryIO, name: str, reading: Reading) -> Listed:
    """List the images of an uploaded archive, which `file_id` identifies.

    Raises:
        WorkbenchError: It cannot be imported.
    """
    return _of_archive(file_id, file, name, reading.keep_background, reading.encoding)


def of_upload(
    first_id: str, names: Sequence[str], read: Callable[[int], BinaryIO], reading: Reading
) -> Listed:
    """List the images of an uploaded folder, which its first file and their number identify."""
    return _of_upload(first_id, len(names), names, read, reading.keep_background)


@st.cache_resource(ttl=TTL_S, max_entries=4, show_spinner=False)
def _of_folder(folder: str, keep_background: bool, links: bool) -> Listed:
    reading = Reading(keep_background=keep_background, links=links)
    return Listed(f"{folder}\0{reading}", list_folder(folder_of(folder), reading))


@st.cache_resource(max_entries=4, show_spinner=False)
def _of_archive(
    file_id: str, _file: BinaryIO, name: str, keep_background: bool, encoding: str
) -> Listed:
    reading = Reading(keep_background=keep_background, encoding=encoding)
    return Listed(f"{file_id}\0{reading}", list_archive(_file, name, reading))


@st.cache_resource(max_entries=4, show_spinner=False)
def _of_upload(
    first_id: str,
    count: int,
    _names: Sequence[str],
    _read: Callable[[int], BinaryIO],
    keep_background: bool,
) -> Listed:
    reading = Reading(keep_background=keep_background)
    return Listed(f"{first_id}\0{count}\0{reading}", list_upload(_names, _read, reading))


@st.cache_data(ttl=TTL_S, max_entries=20, show_spinner=False)
def _thumbnails(
    key: str, examples: object, _listing: Listing, _seen: Preview
) -> dict[str | None, list[str]]:
    del key, examples  # Part of the cache's key
    made = thumbnails(_listing, _seen)
    return {label: [data_uri(jpeg) for jpeg in jpegs] for label, jpegs in made.items()}


@st.cache_resource(
    ttl=CHANGES_TTL_S, max_entries=4, show_spinner="Looking for changes…", hash_funcs=BY_REVISION
)
def changes(dataset: Dataset) -> Changes:
    """Return what a rescan of a dataset would change.

    Raises:
        WorkbenchError: A folder of the dataset is missing.
    """
    return find_changes(dataset)
