"""The tour of the first visit: whether it was dismissed in this workspace."""

from core.files import write_json
from core.workspace import Workspace

FILE = "tour.json"


def is_dismissed(workspace: Workspace) -> bool:
    """Return whether the tour was dismissed, in any tab and at any time."""
    return (workspace.home / "data" / FILE).is_file()


def dismiss(workspace: Workspace) -> None:
    """Remember that the tour was dismissed."""
    path = workspace.home / "data" / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"dismissed": True})
