"""Scans: the import of a folder of images as a new dataset, and rescans of its folders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path

from core.artifacts.folders import draft
from core.datasets.catalog import GONE, Catalog
from core.datasets.columns import NO_SPLIT, ImageFilter, ImageRow, Split
from core.datasets.curation import assign
from core.datasets.folder_names import Use
from core.datasets.importing.annotating import (
    recognize_source,
    store_boxes,
    store_tags,
)
from core.datasets.importing.changes import find_changes
from core.datasets.importing.reading import EMPTY_SHA256, read_files, scanned_files
from core.datasets.importing.rejected import write_skipped
from core.datasets.layout import AS_RECOGNIZED, Reading
from core.datasets.links import link_policy
from core.datasets.object_search import annotation_files, find_images
from core.datasets.registry import (
    CATALOG,
    Dataset,
    describe_dataset,
    open_dataset,
    publish_dataset,
    require_free_name,
    write_roots,
)
from core.datasets.root import Root
from core.datasets.row_writes import SCANNED
from core.datasets.splits import SplitConfig, stratified
from core.datasets.tally import Tally
from core.errors import WorkbenchError
from core.net.object_paths import is_remote
from core.progress import Progress, Work
from core.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Source of the images of a new dataset."""

    root: Path
    """An existing folder, or one that stands for an address; it may be inside the draft of the
    dataset."""

    kind: str = "folder"
    """sample, caltech101, folder, address or zip."""

    left_out: tuple[str, ...] = ()
    """Class folders to ignore."""

    reading: Reading = AS_RECOGNIZED
    """How its folders are read, where that differs from what is recognized."""


def add_folder(
    workspace: Workspace, name: str, source: Source, splits: SplitConfig
) -> Work[Dataset]:
    """Import the images under a folder as dataset `name`; complete or not at all.

    Raises:
        MissingError: The folder is not there.
        WorkbenchError: It contains no images, or the name is taken.
    """
    require_free_name(workspace, name)
    with draft(workspace.datasets) as folder:
        root = source.root if is_remote(source.root) else source.root.resolve()
        resolved = replace(source, root=root)
        yield from fill(folder, resolved, splits)
        return publish_dataset(workspace, folder, name)


def add_sample(
    workspace: Workspace, name: str, splits: SplitConfig, *, per_class: int, seed: int
) -> Work[Dataset]:
    """Generate the sample dataset (12 classes) and import it as dataset `name`."""
    from core.datasets.sample import drawing

    require_free_name(workspace, name)
    with draft(workspace.datasets) as folder:
        yield from drawing.draw_dataset(folder, per_class=per_class, seed=seed)
        yield from fill(folder, Source(root=folder / "images", kind="sample"), splits)
        return publish_dataset(workspace, folder, name)


def fill(folder: Path, source: Source, splits: SplitConfig) -> Work[None]:
    """Write the catalog and the description of a new dataset into its draft."""
    yield Progress(0, 0, "looking for images")
    tally = Tally()
    links = link_policy(is_on=source.reading.links)
    folders = find_images(source.root, frozenset(source.left_out), tally, links)
    with annotation_files(source.root, tally) as beside:
        layout, annotated = recognize_source(beside, folders, source.reading, tally)
    files = list(scanned_files(0, folders, layout, tally, annotated))
    require_any(files, source.root)
    found = yield from read_files([source.root], files)
    catalog = Catalog(folder / CATALOG)
    catalog.create(with_indexes=False)
    catalog.write(new=_with_splits(found, splits))
    catalog.create_indexes()
    store_tags(catalog, 0, annotated)
    store_boxes(catalog, 0, annotated, source.root)
    root = Root(path=source.root, layout=layout)
    describe_dataset(folder, roots=[root], source=source.kind, left_out=source.left_out)
    write_skipped(folder, [tally])


def require_any(files: Sequence[object], root: Path) -> None:
    """Raise `WorkbenchError` if the reading of a source leaves none of its images."""
    if not files:
        raise WorkbenchError(
            f"No image of {root} is left to import.", "Include more of its folders or images."
        )


def resplit(workspace: Workspace, name: str, config: SplitConfig) -> None:
    """Split a dataset again, which makes its models stale."""
    catalog = open_dataset(workspace, name).catalog
    labeled = [(row.id, row.label) for row in catalog.rows() if row.label is not None]
    assign(catalog, stratified(labeled, config), "split anew: {}")


def _with_splits(found: Sequence[ImageRow], config: SplitConfig) -> list[ImageRow]:
    """Number the rows of a new dataset and split them.

    Splits that its folders name stay, and train supplies missing ones.
    """
    rows = list(enumerate(found, 1))
    labeled = [(i, row) for i, row in rows if row.label is not None and row.problem is None]
    present = {row.split for _, row in labeled if row.split}
    missing = replace(
        config,
        validation=0.0 if Split.VALIDATION in present else config.validation,
        test=0.0 if Split.TEST in present else config.test,
        train_per_class=0,
    )
    candidates = [(i, str(row.label)) for i, row in labeled if row.split in (None, Split.TRAIN)]
    splits = stratified(candidates, missing if present else config)
    return [row._replace(id=i, split=splits.get(i, row.split)) for i, row in rows]


state_of = attrgetter("size_bytes", "modified_ns", "sha256", "problem", *SCANNED)
"""Columns of which one differs when a file has changed, or was read by an earlier version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rescanned:
    """Number of files by what a rescan found."""

    num_new: int
    num_changed: int
    num_moved: int
    """Files with known content under another path; they keep their tags and splits."""

    num_gone: int
    num_relabeled: int = 0
    """Images that the annotation files label otherwise than before."""

    folders: Mapping[str, tuple[Use, int]] = field(default_factory=dict)
    """New folder at the level of the splits → use and number of image files."""


def rescan(workspace: Workspace, name: str, *, verify_all: bool = False) -> Work[Rescanned]:
    """Update the catalog of a dataset from its folders.

    Files with the same size and time as before are not read, unless `verify_all`. Annotation files
    are read again. Images keep their splits, tags and given labels; new ones join the split that
    annotations or their folder name, else train. `find_changes` tells beforehand which folders are
    new splits.

    Raises:
        MissingError: A root of the dataset is not where it was.
    """
    dataset = open_dataset(workspace, name)
    yield Progress(0, 0, "looking for images")
    found = find_changes(dataset, verify_all=verify_all)
    again, missing = found.again, found.missing
    rows = yield from read_files(
        [root.path for root in dataset.roots], [*again.values(), *found.new]
    )
    old_rows = dataset.catalog.rows_by_id([*again, *missing])
    reread = dict(zip(again, rows, strict=False))
    changed = {i: row for i, row in reread.items() if state_of(old_rows[i]) != state_of(row)}
    new_rows = rows[len(again) :]
    moved = _moved(new_rows, [old_rows[image_id] for image_id in sorted(missing)])
    renamed = set(moved.values())
    added = [row for row in new_rows if row not in renamed]
    gone = [i for i in missing if i not in moved and old_rows[i].problem != GONE]
    if found.roots != dataset.roots:
        write_roots(dataset, found.roots)
    if added or changed or moved or gone or found.relabeled:
        dataset.catalog.write(new=added, changed=changed | moved, gone=gone)
        dataset.catalog.set_source_labels(found.relabeled)
        for number, annotated in enumerate(found.annotated):
            new_paths = {row.path for row in added if row.root == number}
            store_tags(dataset.catalog, number, annotated, new_paths)
        unsplit = dataset.catalog.rows(ImageFilter(splits=(NO_SPLIT,)))
        dataset.catalog.set_splits({row.id: Split.TRAIN for row in unsplit if row.label})
    for number, annotated in enumerate(found.annotated):
        store_boxes(dataset.catalog, number, annotated, dataset.roots[number].path)
    write_skipped(dataset.folder, found.tallies)
    return Rescanned(
        num_new=len(added),
        num_changed=sum(old_rows[i].sha256 != row.sha256 for i, row in changed.items()),
        num_moved=len(moved),
        num_gone=len(gone),
        num_relabeled=len(found.relabeled),
        folders=found.folders,
    )


def _moved(new: Sequence[ImageRow], missing: Sequence[ImageRow]) -> dict[int, ImageRow]:
    """Match new files with missing ones of the same content: image id → the new file.

    If several have the same content, they are matched in order of the missing images' ids.
    """
    by_content: dict[str, list[int]] = {}
    for row in reversed(missing):
        if row.sha256 != EMPTY_SHA256:
            by_content.setdefault(row.sha256, []).append(row.id)
    moved = {}
    for row in new:
        if ids := by_content.get(row.sha256):
            moved[ids.pop()] = row
    return moved
