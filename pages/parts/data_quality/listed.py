"""Listed images of a check after filters and review: ids, scores and suggestions."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.quality.config import Check
from state import quality
from state.view import QualityView

if TYPE_CHECKING:
    from core.quality.ranking import Ranking


@dataclass(frozen=True, slots=True)
class Listed:
    """The listed images, in the order of the check."""

    ranking: "Ranking"
    ids: list[int]
    """Catalog ids, in the order of the ranking."""

    classes: list[str]
    num_reviewed: int
    """Number of images left out because they were reviewed."""

    num_extreme: int
    """Number of listed images whose scores are extreme among all images of the check."""

    check: Check

    def place_of(self, image_id: int | None) -> int | None:
        """Return the place of an image in the list, from 0; None if it is not listed."""
        return self.ids.index(image_id) if image_id in self.ids else None

    def score_at(self, place: int) -> float:
        """Return the score of the image at that place."""
        return float(self.ranking.scores[place])

    def suggested_at(self, place: int) -> str | None:
        """Return the suggested class of the image at that place, if there is one."""
        suggested = int(self.ranking.suggested[place])
        return self.classes[suggested] if suggested >= 0 else None

    def suggestions(self, ids: frozenset[int]) -> dict[int, str]:
        """Return image id → suggested class of the given ids; ids without one are left out."""
        suggested = {}
        for place, image_id in enumerate(self.ids):
            label = self.suggested_at(place) if image_id in ids else None
            if label is not None:
                suggested[image_id] = label
        return suggested

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
    """Return the images of a ranking that match the filters and were not reviewed yet."""
    from core.quality.checks import reviewed_ids, unreviewed
    from core.quality.ranking import num_extreme

    image_ids = quality.analysis_of(manifest).image_ids
    image_labels = quality.image_labels(manifest, dataset)
    matching = image_labels.among(view.labels, view.splits)
    reviewed = reviewed_ids(dataset.catalog, check)
    listed = unreviewed(ranking, image_ids, matching, reviewed)
    num_reviewed = len(ranking.among(matching).rows) - len(listed.rows)
    ids = image_ids[listed.rows].tolist()
    extreme = num_extreme(listed, ranking)
    return Listed(listed, ids, image_labels.classes, num_reviewed, extreme, check)
