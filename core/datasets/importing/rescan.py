"""Looking again at a dataset's files: what is new, changed, moved or gone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.datasets.catalog import GONE, Found, ImageRow, Split
from core.datasets.filters import NO_SPLIT, ImageFilter
from core.datasets.importing.reading import EMPTY_SHA256, Seen, read_files, walk_through
from core.datasets.layout import find_files
from core.datasets.registry import Dataset, open_dataset
from core.progress import Progress, Work
from core.workspace import Workspace


@dataclass(frozen=True, kw_only=True, slots=True)
class Rescanned:
    """What a second look at a dataset's files found."""

    num_new: int
    num_changed: int
    num_moved: int
    """Known by their content under another name; they keep their tags and splits."""

    num_gone: int


def rescan(workspace: Workspace, name: str, *, verify_all: bool = False) -> Work[Rescanned]:
    """Look again at a dataset's folders.

    Files whose size and time are as before are not read, unless `verify_all`. Images keep their
    splits, tags and given labels; new ones join the split that their folder names, else train.

    Raises:
        MissingError: A root of the dataset is not where it was.
    """
    dataset = open_dataset(workspace, name)
    yield Progress(0, 0, "looking for images")
    new: list[Seen] = []
    again: dict[int, Seen] = {}
    missing: list[int] = []
    for number in range(len(dataset.roots)):
        known = dataset.catalog.known_files(number)
        for seen in _walk(dataset, number):
            file = known.pop(seen.path, None)
            if file is None:
                new.append(seen)
            elif verify_all or file[1:] != (seen.size_bytes, seen.modified_ns):
                again[file[0]] = seen
        missing += [image_id for image_id, _, _ in known.values()]
    found = yield from read_files([root.path for root in dataset.roots], [*again.values(), *new])
    before = dataset.catalog.rows_by_id([*again, *missing])
    looked_at = dict(zip(again, found, strict=False))
    changed = {i: image for i, image in looked_at.items() if _differs(before[i], image)}
    moved = _moved(found[len(again) :], [before[image_id] for image_id in sorted(missing)])
    renamed = set(moved.values())
    fresh = [image for image in found[len(again) :] if image not in renamed]
    gone = [i for i in missing if i not in moved and before[i].problem != GONE]
    if fresh or changed or moved or gone:
        dataset.catalog.write(new=fresh, changed=changed | moved, gone=gone)
        _join_train(dataset)
    return Rescanned(
        num_new=len(fresh),
        num_changed=sum(before[i].sha256 != image.sha256 for i, image in changed.items()),
        num_moved=len(moved),
        num_gone=len(gone),
    )


def _walk(dataset: Dataset, number: int) -> Iterator[Seen]:
    root = dataset.require_root(number)
    folders = find_files(root.path, frozenset(dataset.left_out))
    return walk_through(number, folders, root.layout)


def _differs(before: ImageRow, now: Found) -> bool:
    return any(
        getattr(before, name) != getattr(now, name)
        for name in ("size_bytes", "modified_ns", "sha256", "problem")
    )


def _moved(new: Sequence[Found], missing: Sequence[ImageRow]) -> dict[int, Found]:
    """Match new files with missing ones of the same content: image id → the file.

    Of several with one content, the missing one that was found first goes to the first new file.
    """
    by_content: dict[str, list[int]] = {}
    for file in reversed(missing):
        if file.sha256 != EMPTY_SHA256:
            by_content.setdefault(file.sha256, []).append(file.id)
    moved = {}
    for image in new:
        if ids := by_content.get(image.sha256):
            moved[ids.pop()] = image
    return moved


def _join_train(dataset: Dataset) -> None:
    rows = dataset.catalog.rows(ImageFilter(splits=(NO_SPLIT,)))
    dataset.catalog.set_splits({row.id: Split.TRAIN for row in rows if row.label is not None})
