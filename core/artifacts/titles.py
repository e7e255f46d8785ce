"""Titles of artifacts, in a file of their own: a title is not part of the fingerprint."""

from pathlib import Path

from core.errors import MissingError, WorkbenchError
from core.files import write_atomically
from core.workspace import check_name

TITLE = "title.txt"
MAX_CHARACTERS = 80


def read_title(parent: Path, artifact_id: str) -> str:
    """Return the title of an artifact, or its id if it has none."""
    try:
        title = (parent / check_name(artifact_id) / TITLE).read_text(
            encoding="utf-8", errors="replace"
        )
    except OSError:
        return artifact_id
    return " ".join(title.split())[:MAX_CHARACTERS] or artifact_id


def write_title(parent: Path, artifact_id: str, title: str) -> None:
    """Set the title of an artifact; an empty title removes it.

    Raises:
        MissingError: There is no such artifact.
        WorkbenchError: The title is too long.
    """
    text = " ".join(title.split())
    if len(text) > MAX_CHARACTERS:
        raise WorkbenchError(
            f"A title of {len(text)} characters is too long.",
            f"Use up to {MAX_CHARACTERS} characters.",
        )
    folder = parent / check_name(artifact_id)
    if not folder.is_dir():
        raise MissingError(f"There is no “{artifact_id}”.", "It may be deleted already.")
    write_atomically(folder / TITLE, lambda file: file.write(text.encode()))
