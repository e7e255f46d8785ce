"""Facts about a dataset that pages need in every run, cached until its catalog changes."""

from typing import TYPE_CHECKING

import streamlit as st

from core.datasets import curation, facets
from core.datasets.catalog import Catalog
from core.datasets.columns import ALL_IMAGES, ImageFilter, ImageStatus, Split
from core.datasets.duplicates import find_groups
from core.datasets.filter_kinds import AnyOf, AnyRelated
from core.datasets.importing.rejected import read_rejected
from core.datasets.registry import Dataset
from core.datasets.verification import count_unchecked, is_grouped
from core.training.config import TrainConfig
from state.cache_keys import BY_REVISION

if TYPE_CHECKING:
    from core.training.estimate import Requirements

NOT_IMPORTED_TTL_S = 30
"""Seconds: a rescan may change this number without a change of the catalog."""

_cached = st.cache_data(max_entries=100, show_spinner=False, hash_funcs=BY_REVISION)

tag_counts = _cached(facets.tag_counts)
histogram = _cached(facets.histogram)
first_of_class = _cached(facets.first_of_class)
duplicates = st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_REVISION)(
    find_groups
)
"""Shared and not copied, since there may be many groups; nothing changes them."""

last_step = _cached(curation.last_step)


_related_counts = _cached(facets.value_counts)
_count = _cached(Catalog.count)


@_cached
def _breakdown(catalog: Catalog, images: ImageFilter) -> facets.Breakdown:
    return facets.break_down(catalog, images)


def breakdown(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> facets.Breakdown:
    """Return the numbers of images by class, split and status, for all filters by these at once."""
    defaults = {name: getattr(ALL_IMAGES, name) for name in facets.BROKEN_DOWN}
    return _breakdown(catalog, images.having(**defaults))


def count(catalog: Catalog, images: ImageFilter = ALL_IMAGES) -> int:
    """Return the number of images."""
    if facets.is_broken_down(images):
        return breakdown(catalog).count(images)
    return _count(catalog, images)


def value_counts(catalog: Catalog, kind: AnyOf, images: ImageFilter) -> dict[str, int]:
    """Return how many of the images have each value of a filter; "" counts those without one."""
    if isinstance(kind, AnyRelated) or kind.column not in facets.Breakdown.PLACES:
        return _related_counts(catalog, kind, images)
    return breakdown(catalog, images).value_counts(kind, images)


def status_counts(catalog: Catalog, images: ImageFilter) -> dict[ImageStatus, int]:
    """Return the number of images of each status, whatever the status of the filter."""
    broken_down = breakdown(catalog, images)
    return {status: broken_down.count(images.having(status=status)) for status in ImageStatus}


@st.cache_data(ttl=NOT_IMPORTED_TTL_S, max_entries=20, show_spinner=False, hash_funcs=BY_REVISION)
def num_not_imported(dataset: Dataset) -> int:
    """Return the number of files in the sources of a dataset that were not imported."""
    return read_rejected(dataset.folder).counts.total()


def labels(catalog: Catalog) -> list[str]:
    """Return the names of the classes, sorted."""
    return list(dict.fromkeys(label for label, _, _ in class_counts(catalog) if label))


def class_counts(catalog: Catalog) -> list[tuple[str | None, str | None, int]]:
    """Return (label, split, number of images) for each pair that occurs, sorted."""
    return breakdown(catalog).class_counts(ALL_IMAGES)


@_cached
def unchecked(dataset: Dataset) -> tuple[int, bool]:
    """Return the number of images not decoded yet, and whether near-duplicates are grouped."""
    return count_unchecked(dataset), is_grouped(dataset)


@_cached
def training_requirements_of(dataset: Dataset, config: TrainConfig) -> "Requirements":
    """Return the requirements of a training; the first call imports torch, which takes seconds."""
    from core.training.estimate import training_requirements

    counts = [(split, count) for label, split, count in dataset.catalog.class_counts() if label]
    classes = sum(split == Split.TRAIN for split, _ in counts)
    train, validation = (
        sum(count for split, count in counts if split == which)
        for which in (Split.TRAIN, Split.VALIDATION)
    )
    return training_requirements(config, classes, train, validation)
