"""Listed images of a check after filters and review: ids, scores and suggestions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.quality.config import Check
from state import quality
from state.cache_keys import BY_REVISION
from state.view import QualityView

if TYPE_CHECKING:
    from core.quality.ranking import Ranking


@dataclass(frozen=True, slots=True)
class Listed:
    """The listed images, in the order of the check."""

    ranking: "Ranking"
    ids: NDArray[np.int64]
    """(N,) catalog ids, in the order of the ranking; there may be a million."""

    classes: list[str]
    num_reviewed: int
    """Number of images left out because they were reviewed."""

    num_extreme: int
    """Number of listed images whose scores are extreme among all images of the check."""

    check: Check

    def place_of(self, image_id: int | None) -> int | None:
        """Return the place of an image in the list, from 0; None if it is not listed."""
        if image_id is None:
            return None
        places = np.flatnonzero(self.ids == image_id)
        return int(places[0]) if len(places) else None

    def among(self, ids: frozenset[int]) -> frozenset[int]:
        """Return which of some ids are listed."""
        if not ids:
            return ids
        return frozenset(self.ids[np.isin(self.ids, list(ids))].tolist())

    def score_at(self, place: int) -> float:
        """Return the score of the image at that place."""
        return float(self.ranking.scores[place])

    def suggested_at(self, place: int) -> str | None:
        """Return the suggested class of the image at that place, if there is one."""
        suggested = int(self.ranking.suggested[place])
        return self.classes[suggested] if suggested >= 0 else None

    def suggestions(self, ids: frozenset[int]) -> dict[int, str]:
        """Return image id → suggested class of the given ids; ids without one are left out."""
        places = np.flatnonzero(np.isin(self.ids, list(ids)))
        labels = {int(self.ids[place]): self.suggested_at(place) for place in places.tolist()}
        return {image_id: label for image_id, label in labels.items() if label is not None}

    def caption_at(self, place: int) -> str:
        """Return the score of the image at that place in words."""
        score = self.score_at(place)
        match self.check:
            case Check.LABEL_ISSUES:
                return f"{100 * score:.1f} % → {self.suggested_at(place)}"
            case Check.OUTLIERS:
                return f"distance {score:.3f}"
        return f"similarity {score:.3f}"


def list_images(
    dataset: Dataset, manifest: Manifest, view: QualityView, ranking: "Ranking", check: Check
) -> Listed:
    """Return the images of a ranking that match the filters and were not reviewed yet.

    `ranking` is that of the check, or of the view's cluster.
    """
    parts = (view.labels, view.splits, view.most_first, view.cluster)
    return _list(manifest, dataset, check, parts, ranking)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_REVISION)
def _list(
    manifest: Manifest,
    dataset: Dataset,
    check: Check,
    parts: tuple[tuple[str, ...], tuple[str, ...], bool, int | None],
    _ranking: "Ranking",
) -> Listed:
    from core.quality.checks import reviewed_ids, unreviewed
    from core.quality.ranking import num_extreme

    image_ids = quality.analysis_of(manifest).image_ids
    image_labels = quality.image_labels(manifest, dataset)
    matching = image_labels.among(*parts[:2])
    reviewed = reviewed_ids(dataset.catalog, check)
    listed = unreviewed(_ranking, image_ids, matching, reviewed)
    num_reviewed = len(_ranking.among(matching).rows) - len(listed.rows)
    extreme = num_extreme(listed, _ranking)
    ids = image_ids[listed.rows]
    return Listed(listed, ids, image_labels.classes, num_reviewed, extreme, check)
