"""Queries as values: their images, examples and search options. Nothing is searched here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from core.datasets.columns import ALL_IMAGES, ImageFilter
from core.datasets.filters import as_settings
from core.images.cropping import WHOLE, Crop
from core.indexes.store import MAX_MATCHES
from core.options import bounded, check_fields
from core.query.fusion import Fusion

MAX_IMAGES = 16
"""Images of one query; more are a batch."""

MAX_IMAGE_MB = 25
"""Largest file of an uploaded or downloaded query image, in MiB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """Which matches a search returns.

    Raises:
        ValueError: A number is out of range.
    """

    k: int = bounded(20, 1, MAX_MATCHES)
    """Number of matches; all images if the index holds fewer."""

    images: ImageFilter = ALL_IMAGES
    """Images to search among. The index itself is restricted to them, so k matches are found."""

    min_similarity: float = bounded(-1.0, -1.0, 1.0)
    """Leave out matches with a lower similarity."""

    deduplicate: bool = False
    """Return only the best match of a group of duplicates: same bytes or same perceptual hash."""

    def __post_init__(self) -> None:
        check_fields(self)


DEFAULT_OPTIONS = SearchOptions(deduplicate=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class QueryImage:
    """One image of a query: an upload, or an image of the dataset."""

    image_id: int | None = None
    """Catalog id; None for an upload."""

    digest: str = ""
    """SHA-256 of an upload's bytes; empty for an image of the dataset."""

    crop: Crop = WHOLE
    """The part of the image to search by."""

    is_positive: bool = True
    """False for a negative example: matches should be unlike it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What an index is searched by."""

    images: tuple[QueryImage, ...] = ()
    fusion: Fusion = Fusion.MEAN
    """How several images are combined."""

    positives: tuple[int, ...] = ()
    """Catalog ids of matches marked as positive examples."""

    negatives: tuple[int, ...] = ()
    """Catalog ids of matches marked as negative examples."""

    label: str = ""
    """The query's class, if the user gave it; matches are compared with it."""

    options: SearchOptions = DEFAULT_OPTIONS

    @property
    def is_searchable(self) -> bool:
        """Whether there is a positive image or example to search by."""
        return bool(self.positives) or any(image.is_positive for image in self.images)

    @property
    def is_single_image(self) -> bool:
        """Whether it is one whole query image without examples, comparable to held-out images."""
        return len(self.images) == 1 and not self.positives and not self.negatives

    @property
    def excluded_ids(self) -> frozenset[int]:
        """Catalog ids that are never matches: the query's own images and negative examples."""
        own = (image.image_id for image in self.images if image.image_id is not None)
        return frozenset([*self.negatives, *own])

    def with_only(self, images: Iterable[QueryImage]) -> "Query":
        """Return a new query by other images, with the same options."""
        images = tuple(images)[:MAX_IMAGES]
        return Query(images=images, fusion=self.fusion, options=self.options)

    def with_images(self, images: Iterable[QueryImage]) -> "Query":
        """Return the query with more images, each once."""
        return replace(self, images=tuple(dict.fromkeys([*self.images, *images]))[:MAX_IMAGES])

    def with_image_at(self, place: int, image: QueryImage | None) -> "Query":
        """Return the query with another image in a place, or without the one there."""
        images = [*self.images[:place], *([image] if image else []), *self.images[place + 1 :]]
        return replace(self, images=tuple(images))

    def with_examples(self, ids: Iterable[int], *, positive: bool) -> "Query":
        """Return the query with these matches as positive or as negative examples."""
        marked = tuple(dict.fromkeys(ids))
        positives = tuple(i for i in self.positives if i not in marked)
        negatives = tuple(i for i in self.negatives if i not in marked)
        return replace(
            self,
            positives=(*positives, *marked) if positive else positives,
            negatives=negatives if positive else (*negatives, *marked),
        )

    def without_example(self, image_id: int) -> "Query":
        """Return the query with a match no longer an example."""
        return replace(
            self,
            positives=tuple(i for i in self.positives if i != image_id),
            negatives=tuple(i for i in self.negatives if i != image_id),
        )

    def with_label(self, label: str) -> "Query":
        """Return the query with its class, or with none if `label` is empty."""
        return replace(self, label=label)

    def with_options(self, **fields: Any) -> "Query":
        """Return the query with other search options."""
        return replace(self, options=replace(self.options, **fields))

    def as_json(self) -> dict[str, Any]:
        """Return the query as JSON values, for exported results."""
        return {
            "images": [
                {
                    "image_id": image.image_id,
                    "sha256": image.digest or None,
                    "crop": image.crop.key,
                    "positive": image.is_positive,
                }
                for image in self.images
            ],
            "combine": str(self.fusion),
            "positives": list(self.positives),
            "negatives": list(self.negatives),
            "label": self.label or None,
            "k": self.options.k,
            "min_similarity": self.options.min_similarity,
            "deduplicate": self.options.deduplicate,
            "filter": as_settings(self.options.images),
        }


@dataclass(frozen=True, slots=True)
class ImageSource:
    """The content of one query image."""

    name: str
    """Name of the upload, or path of the file."""

    content: Path | bytes
    """The file, or the uploaded bytes."""

    key: str
    """Identifies the content, as a cache key."""

    label: str | None = None
    """The class of an image of the dataset."""

    def open(self) -> Path | BinaryIO:
        """Return what an image decoder can read from."""
        return self.content if isinstance(self.content, Path) else BytesIO(self.content)
