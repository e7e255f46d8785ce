"""Rankings that an analysis saves: those of very many images take too long while a page waits.

They are by the labels at that time. A page leaves out the images that were changed since, until so
many have changed that it ranks all images again.

Shapes, in this file: N images.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.files import read_json, write_json
from core.quality.config import Check
from core.quality.label_issues import find_label_issues
from core.quality.labels import ImageLabels
from core.quality.neighbors import Neighbors
from core.quality.ranking import Ranking, representativeness

MIN_SAVED = 100_000
"""Rankings of fewer images take about a second and are not saved."""

MAX_CHANGED = 0.01
"""Largest share of images with other labels that leaves a saved ranking in use: a changed label
moves the image itself, which is left out, and its neighbors a little."""

CLASSES = "ranked_classes.json"
LABELS, USABLE = "ranked_labels.npy", "ranked_usable.npy"
COLUMNS = ("rows", "scores", "suggested")


@dataclass(frozen=True, slots=True, eq=False)
class SavedRankings:
    """Rankings by label issues and by representativeness, the least typical first."""

    image_labels: ImageLabels
    """Labels and status of the N images when they were ranked; splits are not saved."""

    rankings: Mapping[Check, Ranking]

    def current(self, check: Check, now: ImageLabels) -> Ranking | None:
        """Return a saved ranking of the images that have not changed; None if too many have."""
        found = self.rankings.get(check)
        then = self.image_labels
        names = {name: number for number, name in enumerate(now.classes)}
        numbers = np.array([names.get(name, -2) for name in then.classes] + [-1], np.int32)
        same = (then.usable == now.usable) & (numbers[then.labels] == now.labels)
        if found is None or 1 - same.mean() > MAX_CHANGED:
            return None
        same &= now.usable
        kept = found.among(same & (numbers[_suggested(found, len(same))] != -2))
        return Ranking(kept.rows, kept.scores, numbers[kept.suggested])


def save_rankings(
    folder: Path,
    vectors: NDArray[np.float32],
    neighbors: Neighbors,
    image_labels: ImageLabels,
) -> None:
    """Rank the (N,) images of an analysis by their labels, and save the rankings."""
    labels = image_labels.labels
    found = {
        Check.LABEL_ISSUES: find_label_issues(
            vectors, neighbors, labels, len(image_labels.classes)
        ),
        Check.REPRESENTATIVENESS: representativeness(vectors, labels, most_first=False),
    }
    np.save(folder / LABELS, labels)
    np.save(folder / USABLE, image_labels.usable)
    write_json(folder / CLASSES, {"classes": image_labels.classes})
    for check, ranking in found.items():
        for column in COLUMNS:
            np.save(folder / f"{check}_{column}.npy", getattr(ranking, column))


def open_rankings(folder: Path) -> SavedRankings | None:
    """Read the rankings of an analysis, whose checksums were verified; None without any."""
    if not (folder / CLASSES).exists():
        return None
    labels, usable = (np.load(folder / name, allow_pickle=False) for name in (LABELS, USABLE))
    image_labels = ImageLabels(
        classes=read_json(folder / CLASSES)["classes"],
        labels=labels,
        splits=np.full(len(labels), -1, np.int8),
        usable=usable,
    )
    rankings = {
        check: Ranking(
            *(np.load(folder / f"{check}_{column}.npy", allow_pickle=False) for column in COLUMNS)
        )
        for check in (Check.LABEL_ISSUES, Check.REPRESENTATIVENESS)
    }
    return SavedRankings(image_labels, rankings)


def _suggested(ranking: Ranking, count: int) -> NDArray[np.int32]:
    """Return (N,) the suggested class of each image, -1 for none."""
    suggested = np.full(count, -1, np.int32)
    suggested[ranking.rows] = ranking.suggested
    return suggested
