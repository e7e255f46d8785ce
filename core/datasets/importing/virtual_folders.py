"""Folders of files that are not on disk: those of an archive or an upload."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from core.datasets.file_search import FoundFolder
from core.datasets.importing.caltech import PLACES
from core.datasets.layout import BACKGROUND, Reading
from core.datasets.tally import Reason, Tally


def virtual_folders(
    paths: Sequence[str], tally: Tally, reading: Reading
) -> tuple[list[FoundFolder], str]:
    """Return the folders of files that are not on disk, by the rules of `folder_source`.

    Returns:
        The folders, sorted, and the path of their root with a slash at its end.
    """
    split = [tuple(path.split("/")) for path in paths]
    root = _caltech_root(split)
    has_background = bool(root) or any(path[0] == BACKGROUND for path in split)
    left_out = has_background and not reading.keep_background
    below: dict[tuple[str, ...], list[tuple[str, int, int]]] = {}
    for path in split:
        if path[: len(root)] != root:
            tally.skip("/".join(path), Reason.OTHER)
        elif left_out and BACKGROUND in path[:-1]:
            tally.skip("/".join(path), Reason.BACKGROUND)
        else:
            below.setdefault(path[len(root) : -1], []).append((path[-1], 0, 0))
    folders = [FoundFolder(parts, sorted(files)) for parts, files in sorted(below.items())]
    return folders, "".join(f"{name}/" for name in root)


def _caltech_root(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the folder of Caltech-101's class folders as `find_root` does; () if there is none."""
    for place in PLACES:
        root = PurePosixPath(place).parts
        if any(path[: len(root)] == root and len(path) > len(root) + 1 for path in paths):
            return root
    return ()
