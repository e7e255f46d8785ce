"""What a finder lists at this moment: ids, scores and suggestions, after filters and curation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.quality.config import Check
from state import quality
from state.quality_view import QualityView

if TYPE_CHECKING:
    from core.quality.ranking import Ranking


@dataclass(frozen=True, slots=True)
class Listed:
    """The images of a list, best find first."""

    ranking: "Ranking"
    ids: list[int]
    """Catalog ids, in the order of the ranking."""

    classes: list[str]
    num_done: int
    """How many more there would be had nobody looked at them."""

    check: Check

    def place_of(self, image_id: int | None) -> int | None:
        """Return where an image stands, from 0; None if it is not listed."""
        return self.ids.index(image_id) if image_id in self.ids else None

    def score_at(self, place: int) -> float:
        """Return what the image at that place is ranked by."""
        return float(self.ranking.scores[place])

    def suggested_at(self, place: int) -> str | None:
        """Return the class that the image at that place looks like, if the finder says one."""
        suggested = int(self.ranking.suggested[place])
        return self.classes[suggested] if suggested >= 0 else None

    def suggestions(self, ids: frozenset[int]) -> dict[int, str]:
        """Return image id → the class that it looks like, for those of the ids that have one."""
        named = {}
        for place, image_id in enumerate(self.ids):
            label = self.suggested_at(place) if image_id in ids else None
            if label is not None:
                named[image_id] = label
        return named

    def sentence_at(self, place: int) -> str:
        """Say in a few words why the image at that place is listed."""
        score = self.score_at(place)
        match self.check:
            case Check.LABEL_ISSUES:
                return f"{score:.1%} → {self.suggested_at(place)}"
            case Check.OUTLIERS:
                return f"distance {score:.3f}"
        return f"similarity {score:.3f}"


def list_images(
    dataset: Dataset, manifest: Manifest, view: QualityView, ranking: "Ranking"
) -> Listed:
    """Return what is left of a ranking by the filters, and by what was looked at already."""
    from core.quality.checks import checked, to_look_at

    image_ids = quality.findings(manifest).image_ids
    image_labels = quality.image_labels(manifest, dataset)
    among = image_labels.among(view.labels, view.splits)
    left = to_look_at(ranking, image_ids, among, checked(dataset.catalog, view.check))
    num_done = len(ranking.kept(among).rows) - len(left.rows)
    ids = image_ids[left.rows].tolist()
    return Listed(left, ids, image_labels.classes, num_done, view.check)
