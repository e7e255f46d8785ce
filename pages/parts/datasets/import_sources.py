"""Fields of the sources of an import, each with what it would import."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.commands.command import Command
from core.commands.dataset_import import DOWNLOAD, GENERATE, SCAN, UNZIP
from core.commands.pipeline import Source
from core.datasets.annotations.file_names import SUFFIXES as SUFFIXES_OF_ANNOTATIONS
from core.datasets.importing.archive_budget import MAX_ARCHIVE_BYTES
from core.datasets.importing.archive_entries import stem_of_archive
from core.datasets.importing.folder_uploads import keep_folder_for_job
from core.datasets.importing.uploads import MAX_IMAGE_BYTES, keep_for_job
from core.datasets.layout import Reading
from core.images.formats import EXTENSIONS
from core.net.remote_address import check_allowed, is_address, parse_address
from pages.parts.components import errors
from state import previews, resources, session
from state.previews import Listed

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

SUFFIXES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2")
"""Suffixes of archives, as the uploader compares them: only what is after the last dot."""

LISTED = "-listed"
"""Ending of the state key with the address that is listed."""

FORGET = "-times"
"""Ending of the state key with how often an uploader was used: a new widget each time, or the
session would keep the bytes."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A source that was chosen."""

    command: Command
    """The verb that imports it."""

    wanted_name: str
    """What its dataset should be called."""

    keep: Callable[[], Sequence[str]] = tuple
    """Saves what was uploaded; returns the options that name the source, for the verb."""

    quick: tuple[str, ...] = ()
    """Options that name the source for `quickstart` in place of them."""

    listed: Callable[[Reading], Listed] | None = None
    """Lists its files, or raises `WorkbenchError`."""

    has_encoding: bool = False
    """Whether it may have names in different encodings."""

    has_links: bool = False
    """Whether it may have links."""


def folder(key: str) -> Chosen | None:
    """Draw the field of a folder or an address; a folder is read while it is typed."""
    path = st.text_input(
        "Folder or address",
        key=key,
        placeholder="/path/to/images, s3://bucket/prefix, https://host/folder/",
        live=True,
        help="Images stay where they are and are never changed.",
    )
    path = (path or "").strip()
    if not path:
        return None
    return _at_address(path, key) if is_address(path) else _on_server(path, Path(path).name)


def _at_address(text: str, key: str) -> Chosen | None:
    """Draw the button that lists an address, which is not asked for each letter that is typed."""
    with errors.shown():
        address = parse_address(text)
        check_allowed(address)
        if st.button("List images", key=f"{key}-list", icon=":material/cloud:"):
            session.remember(key + LISTED, text)
        listed = None
        if session.value_of(key + LISTED) == text:
            listed = partial(previews.of_folder, text)
        name = (address.folder or address.host).rpartition("/")[2]
        return Chosen(SCAN, name, lambda: [text], listed=listed)
    return None


def upload(key: str) -> Chosen | None:
    """Draw the uploader of a folder."""
    files: list[UploadedFile] = st.file_uploader(
        "Local folder",
        type=[*EXTENSIONS, *SUFFIXES_OF_ANNOTATIONS],
        accept_multiple_files="directory",
        max_upload_size=MAX_IMAGE_BYTES // 1_000_000,
        key=_key(key),
        help=f"Up to {MAX_ARCHIVE_BYTES >> 30} GB. Import larger folders from the server.",
    )
    if not files:
        return None
    names = [file.name for file in files]
    name = Path(names[0]).parts[0]

    def keep() -> list[str]:
        content = [(file.name, file) for file in files]
        path = keep_folder_for_job(resources.workspace(), name, content)
        _forget(key)
        return [str(path), "--remove"]

    listed = partial(previews.of_upload, files[0].file_id, names, files.__getitem__)
    return Chosen(UNZIP, name, keep, listed=listed)


def archive(key: str) -> Chosen | None:
    """Draw the uploader of an archive."""
    file = st.file_uploader(
        "Zip or tar",
        type=[suffix.removeprefix(".") for suffix in SUFFIXES],
        max_upload_size=MAX_ARCHIVE_BYTES >> 20,
        key=_key(key),
        help=f"Up to {MAX_ARCHIVE_BYTES >> 30} GB. Unpack larger ones on the server.",
    )
    if file is None:
        return None

    def keep() -> list[str]:
        path = keep_for_job(resources.workspace(), file.name, file, Path(file.name).suffix)
        _forget(key)
        return [str(path), "--remove"]

    listed = partial(previews.of_archive, file.file_id, file, Path(file.name).name)
    return Chosen(UNZIP, stem_of_archive(file.name), keep, listed=listed, has_encoding=True)


def caltech101(key: str) -> Chosen | None:
    """Draw the field of a folder with Caltech-101; without one it is downloaded."""
    path = st.text_input(
        "Folder (optional)",
        key=key,
        placeholder="/path/to/caltech101",
        live=True,
        help="101_ObjectCategories or the folder around it. Empty: download 137 MB.",
    )
    path = (path or "").strip()
    if not path:
        return Chosen(DOWNLOAD, "caltech101", quick=("--source", str(Source.CALTECH101)))
    return _at_address(path, key) if is_address(path) else _on_server(path, "caltech101")


def sample() -> Chosen:
    """Return the sample dataset."""
    return Chosen(GENERATE, "sample", quick=("--source", str(Source.SAMPLE)))


def _on_server(path: str, name: str) -> Chosen:
    listed = partial(previews.of_folder, path)
    return Chosen(SCAN, name, lambda: [path], listed=listed, has_links=True)


def _key(key: str) -> str:
    return f"{key}-{session.value_of(key + FORGET) or 0}"


def _forget(key: str) -> None:
    session.remember(key + FORGET, (session.value_of(key + FORGET) or 0) + 1)
