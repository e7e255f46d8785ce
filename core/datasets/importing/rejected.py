"""Images of an archive that were not imported, stored so that a page can show the reasons."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.files import write_json

REJECTED = "refused.json"


@dataclass(frozen=True, slots=True)
class Rejected:
    """An image of an archive that was not imported."""

    path: str
    """Path in the archive, with forward slashes; a number is appended to repeated ones."""

    problem: str
    """Why, as a sentence."""


def write_rejected(folder: Path, rejected: Sequence[Rejected]) -> None:
    """Store rejected images in a dataset's folder."""
    if rejected:
        write_json(folder / REJECTED, [asdict(image) for image in rejected])


def read_rejected(folder: Path) -> list[Rejected]:
    """Return the rejected images of a dataset; none if the list cannot be read."""
    try:
        content = json.loads((folder / REJECTED).read_text(encoding="utf-8"))
        return [Rejected(**image) for image in content]
    except (OSError, ValueError, TypeError):
        return []
