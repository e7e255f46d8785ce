"""Filling a catalog: every image file's size, content hash and, if it is broken, the reason.

Each file is decoded once, at a small size where its format allows: a file that is cut off shows
it in its header no more than a good one does.
"""

import hashlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from core.artifacts import draft
from core.datasets.catalog import Catalog, Found
from core.datasets.layout import Candidate, find_candidates
from core.datasets.registry import (
    CATALOG,
    Dataset,
    describe_dataset,
    open_dataset,
    publish_dataset,
    require_free_name,
)
from core.datasets.splits import SplitConfig, stratified
from core.errors import UnreadableImageError
from core.files import sha256_of
from core.images import open_image, read_header
from core.progress import Progress, Work
from core.workspace import Workspace

READERS = 8
"""Threads that decode and hash: the time goes into the disk and into C, not into Python."""

CHUNK = 4
"""Files a thread reads between two looks at the clock."""

CHECK_SIDE = 64
"""Shortest side at which a file is decoded to see whether it is whole; JPEGs get quicker by it."""

REPORT_EVERY_S = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a new dataset's images come from."""

    root: Path
    """An existing folder, or one inside the draft of the dataset."""

    kind: str = "folder"
    """drawn, caltech101 or folder."""

    left_out: tuple[str, ...] = ()
    """Class folders to pass over."""


def add_folder(
    workspace: Workspace, name: str, source: Source, splits: SplitConfig
) -> Work[Dataset]:
    """Bring in the images under a folder as dataset `name`; complete or not at all.

    Raises:
        MissingError: The folder is not there.
        WorkbenchError: It holds no images, or the name is taken.
    """
    require_free_name(workspace, name)
    with draft(workspace.datasets) as folder:
        yield from _fill(folder, str(source.root.resolve()), source, splits)
        return publish_dataset(workspace, folder, name)


def add_drawn(
    workspace: Workspace, name: str, splits: SplitConfig, *, per_category: int, seed: int
) -> Work[Dataset]:
    """Draw the built-in set (12 categories) and bring it in as dataset `name`."""
    from core.datasets import drawn

    require_free_name(workspace, name)
    with draft(workspace.datasets) as folder:
        yield from drawn.draw_dataset(folder, per_category=per_category, seed=seed)
        source = Source(root=folder / "images", kind="drawn")
        yield from _fill(folder, "images", source, splits)
        return publish_dataset(workspace, folder, name)


def rescan(workspace: Workspace, name: str) -> Work[Dataset]:
    """Look again at a dataset's folder: new, changed and vanished files.

    Files whose size and time are as before are not read again. Images that were in a split stay
    in it; new ones join the train split until the dataset is split anew.
    """
    dataset = open_dataset(workspace, name)
    catalog = dataset.catalog
    known = catalog.known_files()
    found = yield from _read_all(dataset.root, frozenset(dataset.left_out), known)
    catalog.replace(found)
    catalog.set_splits(
        {row.id: "train" for row in catalog.rows() if row.label is not None and row.split is None}
    )
    return dataset


def resplit(workspace: Workspace, name: str, config: SplitConfig) -> None:
    """Divide a dataset anew; models and indexes made before become stale."""
    _split(open_dataset(workspace, name).catalog, config)


def _fill(folder: Path, root: str, source: Source, splits: SplitConfig) -> Work[None]:
    catalog = Catalog(folder / CATALOG)
    catalog.create()
    found = yield from _read_all(source.root, frozenset(source.left_out), {})
    catalog.replace(found)
    _split(catalog, splits)
    describe_dataset(folder, root=root, source=source.kind, left_out=source.left_out)


def _split(catalog: Catalog, config: SplitConfig) -> None:
    labelled = [(row.id, row.label) for row in catalog.rows() if row.label is not None]
    catalog.set_splits(dict(stratified(labelled, config)))


def _read_all(root: Path, left_out: frozenset[str], known: dict[str, Found]) -> Work[list[Found]]:
    yield Progress(0, 0, "looking for images")
    candidates = find_candidates(root, left_out)
    found: list[Found] = []
    reported = 0.0
    with ThreadPoolExecutor(READERS) as readers:
        for chunk in _chunks(candidates):
            found += readers.map(lambda candidate: _read_one(root, candidate, known), chunk)
            if time.monotonic() - reported > REPORT_EVERY_S or len(found) == len(candidates):
                reported = time.monotonic()
                yield Progress(len(found), len(candidates), "reading images")
    return found


def _chunks(candidates: list[Candidate]) -> Iterator[list[Candidate]]:
    size = CHUNK * READERS
    for start in range(0, len(candidates), size):
        yield candidates[start : start + size]


def _read_one(root: Path, candidate: Candidate, known: dict[str, Found]) -> Found:
    if not candidate.readable_name:
        return _unreadable(candidate, "Its name is not valid UTF-8; rename the file.")
    path = root / candidate.path
    try:
        stat = path.stat()
        before = known.get(candidate.path)
        if before and (before.size_bytes, before.modified_ns) == (stat.st_size, stat.st_mtime_ns):
            return before
        header = read_header(path)
        open_image(path, at_least=CHECK_SIDE)
        return Found(
            path=candidate.path,
            label=candidate.label,
            width=header.width,
            height=header.height,
            size_bytes=stat.st_size,
            modified_ns=stat.st_mtime_ns,
            sha256=sha256_of(path),
            problem=None,
        )
    except UnreadableImageError as error:
        return _unreadable(candidate, error.problem)
    except OSError as error:
        return _unreadable(candidate, f"It cannot be read ({error.strerror}).")


def _unreadable(candidate: Candidate, reason: str) -> Found:
    return Found(
        path=candidate.path,
        label=candidate.label,
        width=0,
        height=0,
        size_bytes=0,
        modified_ns=0,
        sha256=hashlib.sha256(b"").hexdigest(),
        problem=reason,
    )
