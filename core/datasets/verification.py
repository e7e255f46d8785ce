"""Verification of images by decoding each once: thumbnail, damage, and near-duplicates."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np

from core.datasets.database import connect
from core.datasets.fingerprints import blocks_of, write_fingerprints
from core.datasets.registry import Dataset
from core.errors import UnfetchedImageError, UnreachableStoreError, UnreadableImageError
from core.images.hashing import HASH_BYTES, group_similar
from core.images.isolation import verify_image
from core.images.thumbnails import SIDE, cache_thumbnail, trim_thumbnails
from core.net.object_paths import file_of, is_remote
from core.progress import Progress, Work

CHECKERS = 8
"""Threads that wait for processes to decode, and write thumbnails."""

BATCH = 256
"""Images per write to the catalog."""

IS_UNCHECKED = "problem IS NULL AND checked IS NOT sha256"
UNCHECKED = f"SELECT id, root, path, sha256 FROM images WHERE {IS_UNCHECKED}"

HASHED = (
    "SELECT id, perceptual FROM images WHERE problem IS NULL AND perceptual IS NOT NULL ORDER BY id"
)

GROUPED = "grouped"
"""Name of the fact that near-duplicates are grouped among all decoded images."""


class Unchecked(NamedTuple):
    """An image whose present content was not decoded yet."""

    id: int
    root: int
    path: str
    sha256: str


class Verified(NamedTuple):
    """The result of decoding an image."""

    sha256: str
    perceptual: bytes | None
    problem: str | None
    id: int
    checked: str | None
    """SHA-256 of the decoded content; None if the file could not be read, so that it is retried."""


def count_unchecked(dataset: Dataset) -> int:
    """Return the number of images that were not decoded since their file last changed."""
    return int(dataset.catalog.select(f"SELECT COUNT(*) FROM images WHERE {IS_UNCHECKED}")[0][0])


def is_grouped(dataset: Dataset) -> bool:
    """Return whether near-duplicates were grouped since an image was last decoded."""
    return bool(dataset.catalog.select("SELECT 1 FROM facts WHERE name = ?", [GROUPED]))


def check_images(dataset: Dataset) -> Work[int]:
    """Decode the images that were not decoded yet, and return their number.

    After an interruption it continues.

    Files that turn out to be damaged become problems of the dataset. At the end near-duplicates are
    grouped for `duplicates.py`.

    Raises:
        MissingError: A root of the dataset is not where it was.
        UnreachableStoreError: The server of an address is away or refuses the credentials.
    """
    waiting = [Unchecked(*row) for row in dataset.catalog.select(UNCHECKED)]
    for number in {image.root for image in waiting}:
        dataset.require_root(number)
    with ThreadPoolExecutor(CHECKERS) as checkers:
        for start in range(0, len(waiting), BATCH):
            batch = waiting[start : start + BATCH]
            _write(dataset, list(checkers.map(lambda image: _verify(dataset, image), batch)))
            yield Progress(start + len(batch), len(waiting), "decoding images")
    trim_thumbnails(dataset.thumbnails)
    if not is_grouped(dataset):
        yield from _group_near_duplicates(dataset)
    return len(waiting)


def _group_near_duplicates(dataset: Dataset) -> Work[None]:
    """Write the representative of each image that has near-duplicates."""
    rows = dataset.catalog.select(HASHED)
    ids = np.array([image_id for image_id, _ in rows], np.int64)
    hashes = np.frombuffer(b"".join(value for _, value in rows), np.uint8)
    representatives, bits = yield from group_similar(hashes.reshape(len(rows), HASH_BYTES))
    in_group = np.bincount(representatives, minlength=len(rows))[representatives] > 1
    grouped = zip(ids[representatives][in_group], bits[in_group], ids[in_group], strict=True)
    with connect(dataset.catalog.path) as connection:
        connection.execute(
            "UPDATE images SET representative = NULL WHERE representative IS NOT NULL"
        )
        connection.executemany(
            "UPDATE images SET representative = ?, representative_bits = ? WHERE id = ?",
            (tuple(map(int, row)) for row in grouped),
        )
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, '')", (GROUPED,))


def _verify(dataset: Dataset, unchecked: Unchecked) -> Verified:
    sha256 = unchecked.sha256
    path = Path(file_of(dataset.roots[unchecked.root].path, unchecked.path, sha256))
    try:
        verified = verify_image(path, SIDE)
    except UnreachableStoreError:  # Says nothing of the image
        raise
    except UnfetchedImageError as error:
        return Verified(sha256, None, error.problem, unchecked.id, None)
    except UnreadableImageError as error:
        was_read = is_remote(path) or os.access(path, os.R_OK)
        checked = sha256 if was_read else None
        return Verified(sha256, None, error.problem, unchecked.id, checked)
    cache_thumbnail(verified.thumbnail, dataset.thumbnails, sha256)
    return Verified(sha256, verified.perceptual, None, unchecked.id, sha256)


def _write(dataset: Dataset, results: Sequence[Verified]) -> None:
    """Write the results of a batch, but for images whose content has changed since."""
    with connect(dataset.catalog.path) as connection:
        connection.executemany(
            "UPDATE images SET checked = ?5, perceptual = ?2, problem = ?3 "
            "WHERE id = ?4 AND sha256 = ?1",
            results,
        )
        connection.execute("DELETE FROM facts WHERE name = ?", (GROUPED,))
        if damaged := [result.id for result in results if result.problem]:
            write_fingerprints(connection, blocks_of(damaged))
