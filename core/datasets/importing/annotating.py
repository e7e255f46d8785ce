"""Annotations in a scan: which layout they leave to the folders, and what is stored of them."""

from collections.abc import Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path

from core.datasets.annotations.annotated import Annotated
from core.datasets.annotations.geometry import upright_boxes
from core.datasets.annotations.source import annotate
from core.datasets.catalog import Catalog
from core.datasets.file_search import FoundFolder
from core.datasets.layout import Labels, Layout, Reading, readable
from core.datasets.recognition import recognize
from core.datasets.tally import Reason, Tally
from core.errors import WorkbenchError
from core.images.isolation import read_header
from core.net.object_paths import file_of


def image_paths(folders: Sequence[FoundFolder]) -> list[str]:
    """Return the paths of found files, relative to their root."""
    return [
        readable("/".join((*folder.parts, name)))
        for folder in folders
        for name, _, _ in folder.files
    ]


def recognize_source(
    root: Path, folders: Sequence[FoundFolder], reading: Reading, tally: Tally
) -> tuple[Layout, Annotated]:
    """Return how a source is read: the layout of its folders, and its annotations.

    Args:
        root: Folder of the source, or of its annotation files.
        folders: Its folders with images.
        reading: How it is to be read.
        tally: What is skipped in it; gets what annotations leave unused.

    Raises:
        WorkbenchError: The reading does not fit the source.
    """
    annotated = annotate(root, tally.annotations, image_paths(folders), reading)
    layout = layout_beside(annotated, folders, reading)
    note_unused(annotated, tally)
    return layout, annotated


def layout_beside(annotated: Annotated, folders: Sequence[FoundFolder], reading: Reading) -> Layout:
    """Return the layout of folders, which name no classes if annotations do.

    Raises:
        WorkbenchError: The reading names a folder that is not there.
    """
    if annotated.has_labels:
        reading = replace(reading, labels=Labels.NONE)
    return with_annotations(recognize(folders, reading), annotated)


def with_annotations(layout: Layout, annotated: Annotated) -> Layout:
    """Return a layout that says where the annotations came from, for rescans."""
    return replace(
        layout,
        annotations=annotated.files,
        columns=annotated.columns,
        pattern=annotated.pattern,
    )


def note_unused(annotated: Annotated, tally: Tally) -> None:
    """Note in a tally which annotations are unused, and that their files are used."""
    tally.use({*annotated.files, *annotated.parts})
    for path in annotated.unused:
        tally.skip(path, Reason.NO_IMAGE)
    for problem in annotated.problems:
        tally.skip(problem, Reason.ROW)
    more = annotated.num_problems - len(annotated.problems)
    if more > 0:
        tally.skip("…", Reason.ROW, more)


def store_tags(
    catalog: Catalog, number: int, annotated: Annotated, paths: Set[str] | None = None
) -> None:
    """Store the tags of images, after their rows are written.

    Args:
        catalog: The catalog with the rows.
        number: Number of the root.
        annotated: The annotations of that root.
        paths: The images to store them for; None means all.
    """
    tagged = {path: found.tags for path, found in annotated.images.items() if found.tags}
    if tagged:
        ids = {path: image_id for path, (image_id, _, _) in catalog.known_files(number).items()}
        wanted = ids.keys() & tagged if paths is None else ids.keys() & tagged & paths
        catalog.add_tags({ids[path]: tagged[path] for path in sorted(wanted)})


def store_boxes(catalog: Catalog, number: int, annotated: Annotated, root: Path) -> None:
    """Store the boxes of the images under a root, where they are not those in the catalog.

    Args:
        catalog: The catalog with the rows.
        number: Number of the root.
        annotated: The annotations of that root.
        root: Its folder, or the one that stands for its address.
    """
    if not annotated.is_used:
        return
    ids = {path: image_id for path, (image_id, _, _) in catalog.known_files(number).items()}
    rows, known = catalog.rows_by_id(ids.values()), catalog.boxes_of(ids.values())
    changed = {}
    for path, found in annotated.images.items():
        row = rows.get(ids.get(path, 0))
        if row is None or row.problem:
            continue
        file = Path(file_of(root, path, row.sha256))
        boxes = upright_boxes(found, row.width, row.height, partial(_orientation, file))
        if boxes != known.get(row.id, ()):
            changed[row.id] = boxes
    if changed:
        catalog.set_boxes(changed)


def _orientation(file: Path) -> int:
    try:
        return read_header(file).orientation
    except WorkbenchError:  # Deleted meanwhile
        return 1
