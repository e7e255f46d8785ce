"""Images that a dataset was brought in without, kept so that a page can say which and why."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.files import write_json

REFUSED = "refused.json"


@dataclass(frozen=True, slots=True)
class Refused:
    """An image of an archive that was left out."""

    path: str
    """In the archive, with forward slashes; a second one of the same name has a number behind."""

    problem: str
    """Why, as a sentence."""


def write_refused(folder: Path, refused: Sequence[Refused]) -> None:
    """Write down in a dataset's folder what was left out."""
    if refused:
        write_json(folder / REFUSED, [asdict(image) for image in refused])


def read_refused(folder: Path) -> list[Refused]:
    """Return what was left out; nothing if nobody wrote it down."""
    try:
        content = json.loads((folder / REFUSED).read_text(encoding="utf-8"))
        return [Refused(**image) for image in content]
    except (OSError, ValueError, TypeError):
        return []
