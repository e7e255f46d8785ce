"""The result of a query: matches, predicted class, neighbors' vote, out-of-distribution score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageRow
from core.metrics import measures
from core.query.ood import OutOfDistribution
from core.query.query import Query


@dataclass(frozen=True, slots=True)
class Match:
    """An image that was found."""

    image: ImageRow | None
    """Its catalog row; None if it was removed from the dataset after the index was built."""

    image_id: int
    similarity: float
    """Cosine similarity in [-1, 1]."""

    duplicates: tuple[int, ...] = ()
    """Catalog ids of its duplicates that were found too, best first, if they are deduplicated."""

    @property
    def label(self) -> str | None:
        """Its class, if it has one."""
        return self.image.label if self.image is not None else None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryResult:
    """What a search returns."""

    query: Query
    name: str
    """Name of the first query image; empty without images."""

    index: Manifest
    """The index that was searched."""

    prediction: list[tuple[str, float]]
    """Classes with their probabilities, highest first; the mean over several images. Empty for a
    model without classes, or a query without images."""

    vote: list[tuple[str, float]]
    """Classes of the nearest images with their share of the kNN vote, highest first."""

    matches: list[Match]
    """Best first."""

    out_of_distribution: OutOfDistribution | None
    """None unless the query is a single image and enough images were held out."""

    seconds: Mapping[str, float]
    """Time of each stage: decode, wait, embed, search."""

    shortfall: str = ""
    """How many of the images an approximate index has returned and why, if it has not returned all
    that were asked for, such as “127 of 720: this index probes 4 of 32 lists”."""

    batch_size: int
    """Images in the model's forward pass, those of other queries among them; 0 without one."""

    def as_json(self) -> dict[str, Any]:
        """Return prediction, vote, matches, shortfall and seconds as JSON values."""
        return {
            "prediction": shares_as_json(self.prediction),
            "vote": [{"label": label, "share": share} for label, share in self.vote],
            "matches": [
                {
                    "image_id": match.image_id,
                    "path": match.image.path if match.image else None,
                    "label": match.label,
                    "similarity": match.similarity,
                }
                for match in self.matches
            ],
            "shortfall": self.shortfall,
            "seconds": dict(self.seconds),
        }


def shares_as_json(prediction: Sequence[tuple[str, float]]) -> list[dict[str, Any]]:
    """Return classes and their probabilities as JSON values."""
    return [{"label": label, "probability": probability} for label, probability in prediction]


def precision_by_rank(matches: Sequence[Match], label: str) -> NDArray[np.float64]:
    """Return (K,) the share of matches of a class among the first k in [0, 1], for each k."""
    relevant = np.array([match.label == label for match in matches], np.bool_)
    return measures.precision_by_rank(relevant)


def rank_changes(matches: Sequence[Match], others: Sequence[Match]) -> list[int | None]:
    """Return for each match its rank in another result less its rank here; None if not in it.

    Positive where the match ranks higher here.
    """
    ranks: Mapping[int, int] = {match.image_id: rank for rank, match in enumerate(others)}
    return [
        ranks[match.image_id] - rank if match.image_id in ranks else None
        for rank, match in enumerate(matches)
    ]
