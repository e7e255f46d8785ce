"""Data quality checks, cached for all tabs.

A list is cached until the labels, splits or images that it depends on change; tags do not change
it.
"""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.artifacts.manifests import Manifest
from core.datasets.duplicates import Group
from core.datasets.registry import Dataset
from core.quality.config import Check
from core.query.result import Match
from state import resources
from state.cache_keys import BY_CONTENT, BY_REVISION

if TYPE_CHECKING:
    from core.quality.analysis import Analysis
    from core.quality.clusters import Cluster
    from core.quality.labels import ImageLabels
    from core.quality.ranking import Ranking


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=BY_CONTENT)
def analysis_of(manifest: Manifest) -> "Analysis":
    """Return an analysis, opened once.

    Raises:
        MissingError: It was deleted.
        DamagedArtifactError: One of its files was changed.
    """
    from core.quality.analysis import open_analysis

    return open_analysis(resources.workspace(), manifest.id)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=BY_CONTENT)
def image_labels(manifest: Manifest, dataset: Dataset) -> "ImageLabels":
    """Return the current labels, splits and status of the analyzed images."""
    from core.quality.labels import read_image_labels

    return read_image_labels(dataset.catalog, analysis_of(manifest).image_ids)


@st.cache_resource(max_entries=8, show_spinner="Ranking images…", hash_funcs=BY_CONTENT)
def ranking(manifest: Manifest, dataset: Dataset, check: Check, *, most_first: bool) -> "Ranking":
    """Return the whole ranking of a check, including reviewed and filtered images.

    Raises:
        MissingError: The analysis or the embeddings were deleted.
        DamagedArtifactError: One of their files was changed.
    """
    from core.quality.checks import rank

    analysis, labels = analysis_of(manifest), image_labels(manifest, dataset)
    saved = analysis.saved.current(check, labels) if analysis.saved else None
    if saved is not None:
        return saved.reversed() if most_first else saved
    return rank(check, analysis, _vectors(manifest), labels, most_first=most_first)


@st.cache_data(max_entries=16, show_spinner="Finding duplicates…", hash_funcs=BY_REVISION)
def groups(manifest: Manifest, dataset: Dataset, check: Check, threshold: float) -> list[Group]:
    """Return the unreviewed groups of near-duplicates or leakage."""
    from core.quality.checks import find_groups

    labels = image_labels(manifest, dataset)
    return find_groups(check, analysis_of(manifest), labels, dataset.catalog, threshold)


@st.cache_resource(max_entries=4, show_spinner="Reading clusters…", hash_funcs=BY_CONTENT)
def clusters(manifest: Manifest, dataset: Dataset) -> "list[Cluster]":
    """Return the clusters, those with most images of other classes first."""
    from core.quality.clusters import describe

    labels = image_labels(manifest, dataset)
    return describe(_vectors(manifest), analysis_of(manifest).clusters, labels)


def _vectors(manifest: Manifest) -> NDArray[np.float32]:
    """Return the (N, D) embeddings that were analyzed."""
    from core.embeddings.files import open_embeddings

    return open_embeddings(resources.workspace(), analysis_of(manifest).embeddings).vectors


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=BY_CONTENT)
def default_threshold(manifest: Manifest) -> float:
    """Return the similarity from which on two images are near-duplicates by default."""
    from core.quality import near_duplicates

    return near_duplicates.default_threshold(analysis_of(manifest).neighbors)


def percentile(manifest: Manifest, similarity: float) -> float:
    """Return the share of images that are less similar to their nearest neighbor than this."""
    similarities = _nearest_similarities(manifest)
    return float(np.searchsorted(similarities, similarity)) / len(similarities)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=BY_CONTENT)
def _nearest_similarities(manifest: Manifest) -> NDArray[np.float32]:
    """Return each image's similarity to its nearest neighbor, ascending."""
    from core.quality.near_duplicates import nearest_similarities

    return np.sort(nearest_similarities(analysis_of(manifest).neighbors))


def nearest(manifest: Manifest, dataset: Dataset, image_id: int, k: int) -> list[Match]:
    """Return the usable images nearest to an image, at most `k`, most similar first."""
    usable = image_labels(manifest, dataset).usable
    near = analysis_of(manifest).nearest(image_id, usable, k)
    rows = dataset.catalog.rows_by_id(other for other, _ in near)
    return [Match(rows.get(other), other, similarity) for other, similarity in near]


def as_csv(
    manifest: Manifest, dataset: Dataset, listed: "Ranking | list[Group] | list[Cluster]"
) -> bytes:
    """Return the listed images as CSV."""
    from core.quality import export

    catalog, ids = dataset.catalog, analysis_of(manifest).image_ids
    if isinstance(listed, list):
        return export.groups_as_csv(catalog, listed, ids)
    return export.ranking_as_csv(catalog, listed, ids, image_labels(manifest, dataset).classes)
