"""What has changed in the folders of a dataset since its last scan, before it is read."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.datasets.annotations.annotated import NOT_ANNOTATED, Annotated
from core.datasets.annotations.source import annotate_again
from core.datasets.file_search import FoundFolder
from core.datasets.folder_names import Use
from core.datasets.importing.annotating import image_paths, note_unused, with_annotations
from core.datasets.importing.reading import ScannedFile, scanned_files
from core.datasets.links import link_policy
from core.datasets.object_search import annotation_files, find_images
from core.datasets.registry import Dataset
from core.datasets.relayout import extended_layout, new_folders
from core.datasets.root import Root
from core.datasets.tally import Tally


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What a rescan will read and write."""

    new: list[ScannedFile]
    again: dict[int, ScannedFile]
    """Image id → its file, whose size or time has changed."""

    missing: list[int]
    """Ids of images whose files are not there."""

    roots: tuple[Root, ...]
    """The roots, with layouts that know new folders of splits."""

    folders: dict[str, tuple[Use, int]]
    """New folder at the level of the splits → use and number of image files."""

    tallies: tuple[Tally, ...]
    """What is skipped in each root."""

    relabeled: dict[int, str | None]
    """Image id → its label, where annotation files name another one than before."""

    annotated: tuple[Annotated, ...]
    """The annotations of each root."""


def find_changes(dataset: Dataset, *, verify_all: bool = False) -> Changes:
    """Compare the folders of a dataset with its catalog, without reading an image.

    Raises:
        MissingError: A root of the dataset is not where it was.
    """
    new: list[ScannedFile] = []
    again: dict[int, ScannedFile] = {}
    missing: list[int] = []
    relabeled: dict[int, str | None] = {}
    roots, tallies, each_annotated = [], [], []
    added: dict[str, tuple[Use, int]] = {}
    for number in range(len(dataset.roots)):
        root, tally = dataset.require_root(number), Tally()
        files = dataset.catalog.known_files(number)
        policy = link_policy(is_on=root.layout.links)
        folders = find_images(root.path, frozenset(dataset.left_out), tally, policy)
        parents = {path.rpartition("/")[0] for path in files}
        known = {tuple(parent.split("/")) if parent else () for parent in parents}
        is_own = root.path.is_relative_to(dataset.folder)  # Unpacked or uploaded: never grows
        layout = root.layout if is_own else extended_layout(root.layout, folders, known)
        added |= new_folders(layout, folders, known)
        annotated = _annotated(root, folders, tally)
        note_unused(annotated, tally)
        layout = with_annotations(layout, annotated)
        labels = dataset.catalog.source_labels(number) if annotated.has_labels else {}
        for file in scanned_files(number, folders, layout, tally, annotated):
            before = files.pop(file.path, None)
            if before and annotated.has_labels and labels.get(before[0]) != file.label:
                relabeled[before[0]] = file.label
            if before is None:
                new.append(file)
            elif verify_all or before[1:] != (file.size_bytes, file.modified_ns):
                again[before[0]] = file
        missing += [image_id for image_id, _, _ in files.values()]
        roots.append(replace(root, layout=layout))
        tallies.append(tally)
        each_annotated.append(annotated)
    return Changes(
        new=_spelled_as_before(dataset, new),
        again=dict(zip(again, _spelled_as_before(dataset, again.values()), strict=True)),
        missing=missing,
        roots=tuple(roots),
        folders=added,
        tallies=tuple(tallies),
        relabeled=relabeled,
        annotated=tuple(each_annotated),
    )


def _annotated(root: Root, folders: Sequence[FoundFolder], tally: Tally) -> Annotated:
    if not root.layout.is_annotated:
        return NOT_ANNOTATED
    paths = image_paths(folders)
    if not root.layout.annotations:  # Nothing to fetch from an address
        return annotate_again(root.path, (), paths, root.layout)
    with annotation_files(root.path, tally) as beside:
        return annotate_again(beside, tally.annotations, paths, root.layout)


def _spelled_as_before(dataset: Dataset, files: Iterable[ScannedFile]) -> list[ScannedFile]:
    """Return files with the names of classes in the Unicode form that the catalog has.

    Those of catalogs of earlier versions may be decomposed.
    """
    labels = dataset.catalog.labels()
    old = {unicodedata.normalize("NFC", label): label for label in labels}
    old |= {label: label for label in labels}  # Of two forms of a class the composed one
    return [
        file._replace(label=old[file.label])
        if file.label and old.get(file.label, file.label) != file.label
        else file
        for file in files
    ]
