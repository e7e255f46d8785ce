"""The lists behind the Finders page, kept for all tabs.

A list is kept until the labels, splits or images that it comes of change; tags leave it as it is.
"""

from typing import TYPE_CHECKING

import numpy as np
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


def findings(manifest: Manifest) -> "Analysis":
    """Open findings, or return the open ones.

    Raises:
        MissingError: They were deleted.
        DamagedArtifactError: A file of theirs was changed.
    """
    return _findings(manifest.id, manifest.fingerprint)


def image_labels(manifest: Manifest, dataset: Dataset) -> "ImageLabels":
    """Return what the catalog says of the images that were looked at."""
    catalog = dataset.catalog
    return _labeling(manifest.id, manifest.fingerprint, catalog.fingerprint, (manifest, dataset))


def ranking(manifest: Manifest, dataset: Dataset, view: QualityView) -> "Ranking":
    """Return all that a finder ranks, whoever looked at it and whatever is filtered.

    Raises:
        MissingError: The findings or the embeddings were deleted.
        DamagedArtifactError: A file of theirs was changed.
    """
    return _ranking(
        manifest.fingerprint,
        dataset.catalog.fingerprint,
        view.check,
        view.most_first,
        (manifest, dataset),
    )


def groups(manifest: Manifest, dataset: Dataset, view: QualityView) -> list[Group]:
    """Return the groups of near-duplicates or leaks, without those that were kept."""
    found: list[Group] = _groups(
        manifest.fingerprint,
        dataset.catalog.revision,
        view.check,
        view.threshold,
        (manifest, dataset),
    )
    return found


def clusters(manifest: Manifest, dataset: Dataset) -> "list[Cluster]":
    """Return the clusters, those that mix most images first."""
    return _clusters(manifest.fingerprint, dataset.catalog.fingerprint, (manifest, dataset))


@st.cache_resource(max_entries=2, show_spinner=False)
def _findings(findings_id: str, fingerprint: str) -> "Analysis":
    del fingerprint
    from core.quality.analysis import open_analysis

    return open_analysis(resources.workspace(), findings_id)


@st.cache_resource(max_entries=2, show_spinner=False)
def _labeling(
    findings_id: str, fingerprint: str, labels: str, _parts: tuple[Manifest, Dataset]
) -> "ImageLabels":
    del findings_id, fingerprint, labels
    from core.quality.labels import read_image_labels

    manifest, dataset = _parts
    return read_image_labels(dataset.catalog, findings(manifest).image_ids)


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
    found = findings(manifest)
    vectors = open_embeddings(resources.workspace(), found.embeddings).vectors
    state = image_labels(manifest, dataset)
    return rank(Check(check), found, vectors, state, most_first=most_first)


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
    state = image_labels(manifest, dataset)
    return find_groups(Check(check), findings(manifest), state, dataset.catalog, threshold)


@st.cache_resource(max_entries=4, show_spinner="Describing the clusters…")
def _clusters(fingerprint: str, labels: str, _parts: tuple[Manifest, Dataset]) -> "list[Cluster]":
    del fingerprint, labels
    from core.embeddings.files import open_embeddings
    from core.quality.clusters import describe

    manifest, dataset = _parts
    found = findings(manifest)
    vectors = open_embeddings(resources.workspace(), found.embeddings).vectors
    return describe(vectors, found.clusters, image_labels(manifest, dataset))


def nearest(manifest: Manifest, dataset: Dataset, image_id: int, k: int) -> list[Match]:
    """Return the images in use that are nearest to an image, at most `k`, most similar first."""
    found = findings(manifest)
    row = int(np.searchsorted(found.image_ids, image_id))
    near = found.neighbors.rows[row]
    usable = image_labels(manifest, dataset).usable[near]
    ids = found.image_ids[near[usable]][:k].tolist()
    similarities = found.neighbors.similarities[row][usable][:k].tolist()
    images = dataset.catalog.rows_by_id(ids)
    return [
        Match(images.get(other), other, similarity)
        for other, similarity in zip(ids, similarities, strict=True)
    ]


def as_csv(
    manifest: Manifest, dataset: Dataset, listed: "Ranking | list[Group] | list[Cluster]"
) -> bytes:
    """Return what a finder lists as a table."""
    from core.quality import export
    from core.quality.ranking import Ranking

    catalog, ids = dataset.catalog, findings(manifest).image_ids
    if isinstance(listed, Ranking):
        return export.ranking_as_csv(catalog, listed, ids, image_labels(manifest, dataset))
    groups_listed = [each for each in listed if isinstance(each, Group)]
    clusters_listed = [each for each in listed if not isinstance(each, Group)]
    if clusters_listed:
        return export.clusters_as_csv(catalog, clusters_listed, ids)
    return export.groups_as_csv(catalog, groups_listed)
