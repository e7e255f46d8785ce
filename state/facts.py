"""Facts about a dataset that pages need in every run, cached until its catalog changes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from core.datasets import curation, facets
from core.datasets.catalog import Catalog
from core.datasets.columns import ALL_IMAGES, ImageFilter, Split
from core.datasets.duplicates import Group, find_groups
from core.datasets.facets import Histogram
from core.datasets.filter_kinds import AnyOf
from core.datasets.registry import Dataset
from core.datasets.verification import count_unchecked, is_grouped
from core.training.config import TrainConfig

if TYPE_CHECKING:
    from core.training.estimate import Requirements


def count(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> int:
    """Return the number of images."""
    return int(_cached("count", catalog, images, lambda: catalog.count(images)))


def labels(catalog: Catalog) -> list[str]:
    """Return the names of the classes, sorted."""
    return list(_cached("labels", catalog, ALL_IMAGES, catalog.labels))


def class_counts(
    catalog: Catalog, images: ImageFilter = ALL_IMAGES
) -> list[tuple[str | None, str | None, int]]:
    """Return (label, split, number of images) for each pair that occurs, sorted."""
    return list(_cached("classes", catalog, images, lambda: catalog.class_counts(images)))


def tag_counts(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> dict[str, int]:
    """Return how many of the images have each tag."""
    return dict(_cached("tags", catalog, images, lambda: facets.tag_counts(catalog, images)))


def filter_values(catalog: Catalog, kind: AnyOf) -> list[str]:
    """Return the values that a filter can take."""
    return list(
        _cached(kind.option, catalog, ALL_IMAGES, lambda: facets.filter_values(catalog, kind))
    )


def histogram(catalog: Catalog, name: str, images: ImageFilter = ALL_IMAGES) -> Histogram:
    """Return the histogram of the number that a range filter, such as `side`, is about."""
    counted: Histogram = _cached(
        f"histogram {name}", catalog, images, lambda: facets.histogram(catalog, name, images)
    )
    return counted


def duplicates(catalog: Catalog) -> list[Group]:
    """Return the groups of duplicates, the most harmful first."""
    return list(_cached("duplicates", catalog, ALL_IMAGES, lambda: find_groups(catalog)))


def last_step(catalog: Catalog) -> str | None:
    """Return the title of the step that undo would revert; None if there is none."""
    step: str | None = _cached("step", catalog, ALL_IMAGES, lambda: curation.last_step(catalog))
    return step


def unchecked(dataset: Dataset) -> tuple[int, bool]:
    """Return the number of images not decoded yet, and whether near-duplicates are grouped."""
    num_unchecked, is_done = _cached(
        "unchecked",
        dataset.catalog,
        ALL_IMAGES,
        lambda: (count_unchecked(dataset), is_grouped(dataset)),
    )
    return num_unchecked, is_done


def training_requirements_of(dataset: Dataset, config: TrainConfig) -> "Requirements":
    """Return the requirements of a training; the first call imports torch, which takes seconds."""

    def compute() -> "Requirements":
        from core.training.estimate import training_requirements

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

    computed: Requirements = _cached(f"training {config}", dataset.catalog, ALL_IMAGES, compute)
    return computed


def _cached(what: str, catalog: Catalog, images: ImageFilter, compute: Callable[[], Any]) -> Any:
    return _computed(what, str(catalog.path), catalog.revision, repr(images), compute)


@st.cache_data(max_entries=500, show_spinner=False)
def _computed(what: str, path: str, revision: int, images: str, _compute: Callable[[], Any]) -> Any:
    del what, path, revision, images  # Part of the key
    return _compute()
