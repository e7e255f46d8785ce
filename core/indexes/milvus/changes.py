"""`Changes`: the images in which an index differs from its collection on a Milvus server.

A collection that is an index is never changed, so searches that run while it is updated see one
version of it. The next version is the same collection with changes, which are files of the index.

Shapes, in this file: H hidden and B added images, Q queries, D embedding dimensions, K results.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.embeddings.exact_search import nearest_rows
from core.indexes.store import Matches, no_matches
from core.progress import finish

HIDDEN, IMAGE_IDS, VECTORS, LABELS = "hidden.npy", "added_ids.npy", "added.npy", "added.json"
"""Files of the changes."""

MIN_CHANGES, MAX_CHANGES, MAX_SHARE = 1_000, 50_000, 0.01
"""Changed rows that every index may have, those that the largest may have, and the share of its
images in between. Each search compares its queries with the added images."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Images that an index has beside its collection, and those of the collection that it lacks."""

    hidden: NDArray[np.int64]
    """(H,) catalog ids of the collection that are no matches, ascending."""

    image_ids: NDArray[np.int64]
    """(B,) catalog ids; a changed image is hidden and added."""

    vectors: NDArray[np.float32]
    """(B, D) float32 unit rows."""

    labels: tuple[str, ...]
    """B classes, "" for none."""

    def __len__(self) -> int:
        """Return H + B."""
        return len(self.hidden) + len(self.image_ids)

    @property
    def removed(self) -> NDArray[np.int64]:
        """Return the hidden images that are not added, too."""
        return np.setdiff1d(self.hidden, self.image_ids)

    def hiding(self, image_ids: NDArray[np.int64]) -> "Changes":
        """Return the same changes with some images of the collection hidden."""
        hidden = np.union1d(self.hidden, image_ids)
        return Changes(hidden, self.image_ids, self.vectors, self.labels)

    def without(self, image_ids: NDArray[np.int64]) -> "Changes":
        """Return the same changes without some of the added images."""
        kept = np.flatnonzero(~np.isin(self.image_ids, image_ids))
        labels = tuple(self.labels[place] for place in kept.tolist())
        return Changes(self.hidden, self.image_ids[kept], self.vectors[kept], labels)

    def adding(
        self, vectors: NDArray[np.float32], image_ids: NDArray[np.int64], labels: tuple[str, ...]
    ) -> "Changes":
        """Return the same changes with more added images."""
        return Changes(
            self.hidden,
            np.concatenate([self.image_ids, image_ids]),
            np.concatenate([self.vectors, vectors]),
            (*self.labels, *labels),
        )

    def search(
        self,
        queries: NDArray[np.float32],
        k: int,
        subset: NDArray[np.int64] | None,
        labels: tuple[str, ...],
    ) -> list[Matches]:
        """Return the added images nearest to each query, as `VectorStore.search` does."""
        if labels:
            wanted = np.array([label in labels for label in self.labels], np.bool_)
        elif subset is not None:
            wanted = np.isin(self.image_ids, subset)
        else:
            wanted = np.ones(len(self.image_ids), np.bool_)
        among = np.flatnonzero(wanted)
        if not len(among):
            return [no_matches() for _ in queries]
        work = nearest_rows(self.vectors, queries, min(k, len(among)), among)
        places, similarities = finish(work)
        return [
            Matches(self.image_ids[among[near]], np.clip(scores, -1, 1))
            for near, scores in zip(places, similarities, strict=True)
        ]

    def save(self, folder: Path) -> None:
        """Write the files, if there are changes."""
        if len(self):
            np.save(folder / HIDDEN, self.hidden)
            np.save(folder / IMAGE_IDS, self.image_ids)
            np.save(folder / VECTORS, self.vectors)
            (folder / LABELS).write_text(json.dumps(self.labels), encoding="utf-8")


def no_changes(dimension: int) -> Changes:
    """Return the changes of an index that is just its collection, of D dimensions."""
    ids = np.empty(0, np.int64)
    return Changes(ids, ids, np.empty((0, dimension), np.float32), ())


def read_changes(folder: Path, dimension: int) -> Changes:
    """Read what `Changes.save` has written into a folder whose checksums were verified."""
    if not (folder / HIDDEN).exists():
        return no_changes(dimension)
    return Changes(
        np.load(folder / HIDDEN, allow_pickle=False),
        np.load(folder / IMAGE_IDS, allow_pickle=False),
        np.load(folder / VECTORS, allow_pickle=False),
        tuple(json.loads((folder / LABELS).read_text(encoding="utf-8"))),
    )


def most_changes(count: int) -> int:
    """Return by how many rows an index of N images may differ from its collection.

    By more, its next version is another collection.
    """
    return min(MAX_CHANGES, max(MIN_CHANGES, round(MAX_SHARE * count)))
