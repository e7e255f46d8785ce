"""Images that a dataset was brought in without, kept so that a page can say which and why."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.files import write_json

REJECTED = "refused.json"


@dataclass(frozen=True, slots=True)
class Rejected:
    """An image of an archive that was left out."""

    path: str
    """In the archive, with forward slashes; a second one of the same name has a number behind."""

    problem: str
    """Why, as a sentence."""


def write_rejected(folder: Path, rejected: Sequence[Rejected]) -> None:
    """Write down in a dataset's folder what was left out."""
    if rejected:
        write_json(folder / REJECTED, [asdict(image) for image in rejected])


def read_rejected(folder: Path) -> list[Rejected]:
    """Return what was left out; nothing if nobody wrote it down."""
    try:
        content = json.loads((folder / REJECTED).read_text(encoding="utf-8"))
        return [Rejected(**image) for image in content]
    except (OSError, ValueError, TypeError):
        return []
