"""Roots of an existing dataset: adding one, and relinking a moved one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.datasets.file_search import existing_folder
from core.datasets.importing.annotating import image_paths, recognize_source
from core.datasets.importing.scan import Rescanned, rescan
from core.datasets.layout import AS_RECOGNIZED, Reading
from core.datasets.links import link_policy
from core.datasets.object_search import annotation_files, find_images
from core.datasets.registry import open_dataset, write_roots
from core.datasets.root import Root
from core.datasets.tally import Tally
from core.errors import WorkbenchError
from core.net.object_paths import is_remote, shown
from core.progress import Work
from core.workspace import Workspace

SAMPLE = 200
"""Files that are looked for before a root is relinked."""

ENOUGH = 0.5
"""Share of them that must exist."""


def add_root(
    workspace: Workspace, name: str, folder: Path, reading: Reading = AS_RECOGNIZED
) -> Work[Rescanned]:
    """Add the images under a folder to a dataset; `reading` tells how its folders are read.

    Raises:
        MissingError: The folder is not there.
        WorkbenchError: It contains no images, or overlaps with a root of the dataset.
    """
    dataset = open_dataset(workspace, name)
    resolved = _resolved(folder)
    for root in dataset.roots:
        here = _resolved(root.path) if root.is_there else root.path
        if resolved.is_relative_to(here) or here.is_relative_to(resolved):
            raise WorkbenchError(
                f"{shown(resolved)} and {root.shown}, which “{name}” has already, overlap.",
                "Rescan the dataset to find what is new in its folders.",
            )
    links = link_policy(is_on=reading.links)
    tally = Tally()
    found = find_images(resolved, frozenset(dataset.left_out), tally, links)
    with annotation_files(resolved, tally) as beside:
        layout, _ = recognize_source(beside, found, reading, tally)
    write_roots(dataset, [*dataset.roots, Root(path=resolved, layout=layout)])
    return (yield from rescan(workspace, name))


def relink(workspace: Workspace, name: str, number: int, folder: Path) -> Work[Rescanned]:
    """Set the new location of root `number`; its images keep their tags, labels and splits.

    Raises:
        MissingError: There is no such folder.
        WorkbenchError: The dataset's files are not in it.
    """
    dataset = open_dataset(workspace, name)
    if not 0 <= number < len(dataset.roots):
        raise WorkbenchError(
            f"“{name}” has no folder number {number}.",
            f"Its folders count from 0 to {len(dataset.roots) - 1}.",
        )
    resolved = _resolved(folder)
    paths = list(dataset.catalog.known_files(number))
    sample = paths[:: max(1, len(paths) // SAMPLE)]
    num_there = _count_there(resolved, sample)
    if num_there < ENOUGH * len(sample):
        raise WorkbenchError(
            f"Of {len(sample)} files of “{name}” only {num_there} are in {shown(resolved)}.",
            "Give the folder that was moved, not one above or below it.",
        )
    roots = list(dataset.roots)
    roots[number] = replace(roots[number], path=resolved)
    write_roots(dataset, roots)
    return (yield from rescan(workspace, name))


def _resolved(folder: Path) -> Path:
    """Return the path of a folder without links, that of an address as it is.

    Raises:
        MissingError: There is no such folder.
    """
    return folder if is_remote(folder) else existing_folder(folder).resolve()


def _count_there(folder: Path, paths: Sequence[str]) -> int:
    """Return how many of some files are under a folder, or at the address that it stands for."""
    if not is_remote(folder):
        return sum((folder / path).is_file() for path in paths)
    found = find_images(folder, frozenset(), Tally(), link_policy())
    return len({*paths} & {*image_paths(found)})
