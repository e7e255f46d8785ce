"""Data quality checks, cached for all tabs.

A list is cached until the labels, splits or images that it depends on change; tags do not change
it.
"""

from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.duplicates import Group
from core.datasets.registry import Dataset
from core.quality.config import Check
from core.query.result import Match
from state import resources
from state.quality_view import QualityView

if TYPE_CHECKING:
    from core.quality.analysis import Analysis
    from core.quality.clusters import Cluster
    from core.quality.labels import ImageLabels
    from core.quality.ranking import Ranking


def analysis_of(manifest: Manifest) -> "Analysis":
    """Return an analysis, opened once.

    Raises:
        MissingError: It was deleted.
        DamagedArtifactError: One of its files was changed.
    """
    return _analysis(manifest.id, manifest.fingerprint)


def image_labels(manifest: Manifest, dataset: Dataset) -> "ImageLabels":
    """Return the current labels, splits and status of the analyzed images."""
    return _image_labels(manifest.fingerprint, dataset.catalog.fingerprint, (manifest, dataset))


def ranking(manifest: Manifest, dataset: Dataset, view: QualityView) -> "Ranking":
    """Return the whole ranking of a check, including reviewed and filtered images.

    Raises:
        MissingError: The analysis or the embeddings were deleted.
        DamagedArtifactError: One of their files was changed.
    """
    return _ranking(
        manifest.fingerprint,
        dataset.catalog.fingerprint,
        view.check,
        view.most_first,
        (manifest, dataset),
    )


def groups(manifest: Manifest, dataset: Dataset, view: QualityView) -> list[Group]:
    """Return the unreviewed groups of near-duplicates or leakage."""
    listed: list[Group] = _groups(
        manifest.fingerprint,
        dataset.catalog.revision,
        view.check,
        view.threshold,
        (manifest, dataset),
    )
    return listed


def clusters(manifest: Manifest, dataset: Dataset) -> "list[Cluster]":
    """Return the clusters, those with most images of other classes first."""
    return _clusters(manifest.fingerprint, dataset.catalog.fingerprint, (manifest, dataset))


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


@st.cache_resource(max_entries=2, show_spinner=False)
def _analysis(analysis_id: str, fingerprint: str) -> "Analysis":
    del fingerprint
    from core.quality.analysis import open_analysis

    return open_analysis(resources.workspace(), analysis_id)


@st.cache_resource(max_entries=2, show_spinner=False)
def _image_labels(fingerprint: str, labels: str, _parts: tuple[Manifest, Dataset]) -> "ImageLabels":
    del fingerprint, labels
    from core.quality.labels import read_image_labels

    manifest, dataset = _parts
    return read_image_labels(dataset.catalog, analysis_of(manifest).image_ids)


@st.cache_resource(max_entries=8, show_spinner="Asking the neighbors…")
def _ranking(
    fingerprint: str,
    labels: str,
    check: str,
    most_first: bool,
    _parts: tuple[Manifest, Dataset],
) -> "Ranking":
    del fingerprint, labels
    from core.embeddings.files import open_embeddings
    from core.quality.checks import rank

    manifest, dataset = _parts
    analysis = analysis_of(manifest)
    vectors = open_embeddings(resources.workspace(), analysis.embeddings).vectors
    labels_now = image_labels(manifest, dataset)
    return rank(Check(check), analysis, vectors, labels_now, most_first=most_first)


@st.cache_data(max_entries=16, show_spinner="Comparing…")
def _groups(
    fingerprint: str,
    revision: int,
    check: str,
    threshold: float,
    _parts: tuple[Manifest, Dataset],
) -> list[Group]:
    del fingerprint, revision
    from core.quality.checks import find_groups

    manifest, dataset = _parts
    labels_now = image_labels(manifest, dataset)
    return find_groups(Check(check), analysis_of(manifest), labels_now, dataset.catalog, threshold)


@st.cache_resource(max_entries=4, show_spinner="Describing the clusters…")
def _clusters(fingerprint: str, labels: str, _parts: tuple[Manifest, Dataset]) -> "list[Cluster]":
    del fingerprint, labels
    from core.embeddings.files import open_embeddings
    from core.quality.clusters import describe

    manifest, dataset = _parts
    analysis = analysis_of(manifest)
    vectors = open_embeddings(resources.workspace(), analysis.embeddings).vectors
    return describe(vectors, analysis.clusters, image_labels(manifest, dataset))
