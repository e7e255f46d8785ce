"""Decoding each image once: its thumbnail, whether the file is whole, and what it looks like."""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from core.datasets.importing.reading import REPORT_EVERY_S
from core.datasets.registry import Dataset
from core.datasets.schema import connect, write_fingerprints
from core.errors import UnreadableImageError
from core.images.decoding import open_image
from core.images.hashing import HASH_BYTES, group_similar, perceptual_hash
from core.images.thumbnails import SIDE, cache_thumbnail, trim_thumbnails
from core.progress import Progress, Work

CHECKERS = 8
"""Threads that decode: Pillow's decoders let go of Python's lock."""

BATCH = 256
"""Images between two writes to the catalog."""

UNCHECKED = (
    "SELECT id, root, path, sha256 FROM images WHERE problem IS NULL AND checked IS NOT sha256"
)

HASHED = (
    "SELECT id, perceptual FROM images WHERE problem IS NULL AND perceptual IS NOT NULL ORDER BY id"
)

GROUPED = "gathered"
"""The fact that stands while the look-alikes of all decoded images are written down."""


class Unchecked(NamedTuple):
    """An image whose present content was never decoded."""

    id: int
    root: int
    path: str
    sha256: str


class Checked(NamedTuple):
    """What decoding an image showed."""

    sha256: str
    perceptual: bytes | None
    problem: str | None
    id: int
    checked: str | None
    """The content that this is true of; None if the file could not be read, and may be later."""


def count_unchecked(dataset: Dataset) -> int:
    """Return how many images were never decoded since their file last changed."""
    with connect(dataset.catalog.path) as connection:
        return int(connection.execute(f"SELECT COUNT(*) FROM ({UNCHECKED})").fetchone()[0])


def is_grouped(dataset: Dataset) -> bool:
    """Whether look-alikes were gathered since an image was last decoded."""
    with connect(dataset.catalog.path) as connection:
        query = "SELECT 1 FROM facts WHERE name = ?"
        return connection.execute(query, (GROUPED,)).fetchone() is not None


def check_images(dataset: Dataset) -> Work[int]:
    """Decode what was never decoded; stopped and begun again it goes on where it was.

    Files that turn out to be damaged join the dataset's problems. At the end look-alikes are
    gathered, which `duplicates.py` shows.

    Raises:
        MissingError: A root of the dataset is not where it was.

    Returns:
        The number of images decoded.
    """
    with connect(dataset.catalog.path) as connection:
        waiting = [Unchecked(*row) for row in connection.execute(UNCHECKED)]
    for number in {image.root for image in waiting}:
        dataset.require_root(number)
    done, reported = 0, 0.0
    with ThreadPoolExecutor(CHECKERS) as checkers:
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            _write(dataset, list(checkers.map(lambda image: _check(dataset, image), batch)))
            done += len(batch)
            if time.monotonic() - reported > REPORT_EVERY_S or done == len(waiting):
                reported = time.monotonic()
                yield Progress(done, len(waiting), "decoding images")
    trim_thumbnails(dataset.thumbnails)
    if not is_grouped(dataset):
        yield from _gather_look_alikes(dataset)
    return done


def _gather_look_alikes(dataset: Dataset) -> Work[None]:
    """Write down beside each image whom it looks like, where it is not alone."""
    with connect(dataset.catalog.path) as connection:
        rows = connection.execute(HASHED).fetchall()
    ids = np.array([image_id for image_id, _ in rows], np.int64)
    hashes = np.frombuffer(b"".join(value for _, value in rows), np.uint8)
    representatives, bits = yield from group_similar(hashes.reshape(len(rows), HASH_BYTES))
    together = np.bincount(representatives, minlength=len(rows))[representatives] > 1
    led = zip(ids[representatives][together], bits[together], ids[together], strict=True)
    with connect(dataset.catalog.path) as connection:
        connection.execute("UPDATE images SET leader = NULL WHERE leader IS NOT NULL")
        connection.executemany(
            "UPDATE images SET leader = ?, leader_bits = ? WHERE id = ?",
            (
                (int(representative), int(differ), int(image_id))
                for representative, differ, image_id in led
            ),
        )
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, '')", (GROUPED,))


def _check(dataset: Dataset, image: Unchecked) -> Checked:
    path = dataset.roots[image.root].path / image.path
    try:
        picture = open_image(path, min_side=SIDE)
    except UnreadableImageError as error:
        verdict = image.sha256 if os.access(path, os.R_OK) else None
        return Checked(image.sha256, None, error.problem, image.id, verdict)
    cache_thumbnail(picture, dataset.thumbnails, image.sha256)
    return Checked(image.sha256, perceptual_hash(picture), None, image.id, image.sha256)


def _write(dataset: Dataset, results: Sequence[Checked]) -> None:
    """Write down a batch, unless a scan has found other content meanwhile."""
    with connect(dataset.catalog.path) as connection:
        connection.executemany(
            "UPDATE images SET checked = ?5, perceptual = ?2, problem = ?3 "
            "WHERE id = ?4 AND sha256 = ?1",
            results,
        )
        connection.execute("DELETE FROM facts WHERE name = ?", (GROUPED,))
        if any(result.problem for result in results):
            write_fingerprints(connection)
