"""Connections to catalogs: each one transaction, with errors that a person can act on."""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from core.datasets.columns import SCHEMA_VERSION
from core.datasets.schema import count_revision, create_tables, version_of
from core.datasets.upgrades import open_file, upgrade_catalog
from core.errors import DamagedArtifactError, WorkbenchError

UNWRITABLE = ("locked", "full", "readonly")
"""Words in SQLite's messages about catalogs that cannot be written but are not damaged."""


@contextmanager
def connect(path: Path) -> Iterator[sqlite3.Connection]:
    """Connect to the catalog at `path`, for one transaction: all of it is done, or nothing.

    A catalog of an earlier version is upgraded first.

    Raises:
        WorkbenchError: Another process writes for too long, the disk is full, or a newer version
            of the workbench made the catalog.
        DamagedArtifactError: The file is missing or no catalog.
    """
    with _clear_errors(path), ExitStack() as opened:
        connection = opened.enter_context(closing(open_file(path)))
        if _is_older(connection, path):
            connection.close()
            upgrade_catalog(path)
            connection = opened.enter_context(closing(open_file(path)))
        with connection:
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
            count_revision(connection)


def create_catalog(path: Path) -> None:
    """Create an empty catalog at `path`, where no file is."""
    with _clear_errors(path), closing(open_file(path, "rwc")) as connection:
        create_tables(connection)


def _is_older(connection: sqlite3.Connection, path: Path) -> bool:
    version = version_of(connection)
    if version > SCHEMA_VERSION:
        raise WorkbenchError(
            f"The catalog of “{path.parent.name}” was made by a newer version of the workbench.",
            "Update the workbench to use it.",
        )
    return version < SCHEMA_VERSION


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        if any(word in str(error) for word in UNWRITABLE):
            raise WorkbenchError(
                f"The catalog of “{path.parent.name}” cannot be written: {error}.",
                "Wait for other jobs to end, check that the disk has room, and try again.",
            ) from error
        raise DamagedArtifactError(
            f"{path.parent.name}/{path.name} is damaged or was changed by hand.",
            "Delete that dataset's folder and import it again.",
        ) from error
