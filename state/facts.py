"""Facts of a catalog that a page asks for at every run, kept until the catalog is written to."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.datasets import curation, facets
from core.datasets.catalog import Catalog, Split
from core.datasets.duplicates import Group, find_groups
from core.datasets.facets import Histogram, Measure
from core.datasets.filters import ALL_IMAGES, ImageFilter
from core.datasets.registry import Dataset
from core.datasets.verification import count_unchecked, is_grouped
from core.training.config import TrainConfig

if TYPE_CHECKING:
    from core.training.requirements import Requirements


def count(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> int:
    """Return how many images there are."""
    return int(_kept("count", catalog, images, lambda: catalog.count(images)))


def labels(catalog: Catalog) -> list[str]:
    """Return the names of the classes, sorted."""
    return list(_kept("labels", catalog, ALL_IMAGES, catalog.labels))


def class_counts(
    catalog: Catalog, images: ImageFilter = ALL_IMAGES
) -> list[tuple[str | None, str | None, int]]:
    """Return (label, split, number of images) for each pair that occurs, sorted."""
    return list(_kept("classes", catalog, images, lambda: catalog.class_counts(images)))


def tag_counts(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> dict[str, int]:
    """Return how many of the images have each tag."""
    return dict(_kept("tags", catalog, images, lambda: facets.tag_counts(catalog, images)))


def histogram(catalog: Catalog, measure: Measure, images: ImageFilter = ALL_IMAGES) -> Histogram:
    """Return how the images are spread over sides or shapes."""
    made: Histogram = _kept(
        str(measure), catalog, images, lambda: facets.histogram(catalog, measure, images)
    )
    return made


def duplicates(catalog: Catalog) -> list[Group]:
    """Return the groups of duplicates, the most harmful first."""
    return list(_kept("duplicates", catalog, ALL_IMAGES, lambda: find_groups(catalog)))


def last_step(catalog: Catalog) -> str | None:
    """Return what undo would take back; None if nothing."""
    step: str | None = _kept("step", catalog, ALL_IMAGES, lambda: curation.last_step(catalog))
    return step


def unchecked(dataset: Dataset) -> tuple[int, bool]:
    """Return how many images were never decoded, and whether look-alikes were gathered since."""
    num_unchecked, is_done = _kept(
        "unchecked",
        dataset.catalog,
        ALL_IMAGES,
        lambda: (count_unchecked(dataset), is_grouped(dataset)),
    )
    return num_unchecked, is_done


def training_requirements_of(dataset: Dataset, config: TrainConfig) -> "Requirements":
    """Return what a training needs; the first call takes the seconds that importing torch does."""

    def compute() -> "Requirements":
        from core.training.requirements import training_requirements

        counts = [
            (label, split, count) for label, split, count in dataset.catalog.class_counts() if label
        ]
        of_split = {
            options: sum(count for _, split, count in counts if split == options)
            for options in (Split.TRAIN, Split.VALIDATION)
        }
        classes = {label for label, split, _ in counts if split == Split.TRAIN}
        return training_requirements(
            config, len(classes), of_split[Split.TRAIN], of_split[Split.VALIDATION]
        )

    requirements: Requirements = _kept(f"needs {config}", dataset.catalog, ALL_IMAGES, compute)
    return requirements


def _kept(what: str, catalog: Catalog, images: ImageFilter, compute: Callable[[], Any]) -> Any:
    return _remembered(what, str(catalog.path), catalog.revision, repr(images), compute)


@st.cache_data(max_entries=500, show_spinner=False)
def _remembered(
    what: str, path: str, revision: int, images: str, _compute: Callable[[], Any]
) -> Any:
    del what, path, revision, images  # The key
    return _compute()
