"""Searches of the Query page, with models, forward passes and results shared between tabs."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts.manifests import Manifest, read_manifest
from core.datasets.coded import read_ids
from core.datasets.registry import Dataset, open_dataset
from core.errors import WorkbenchError
from core.images.cropping import Crop
from core.progress import T
from core.query.query import ImageSource, Query, QueryImage
from core.query.result import Match, QueryResult
from state import resources
from state.cache_keys import BY_REVISION

if TYPE_CHECKING:
    from core.query.ood import OODReference
    from core.query.opened import EmbeddedImages, OpenedIndex
    from core.query.region_match import RegionComparison


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=BY_REVISION)
def search(
    query: Query,
    sources: Sequence[ImageSource],
    index: Manifest,
    model: Manifest,
    dataset: Dataset,
) -> QueryResult:
    """Search an index by a query; a rerun of the page gets the same result without a search.

    Raises:
        UnreadableImageError: An image of the query cannot be read.
        MissingError: The model, the index or its embeddings were deleted.
        DamagedArtifactError: One of their files was changed.
        WorkbenchError: The images of the query cancel each other out.
    """
    from core.query import pipeline

    def search_version(version: Manifest) -> QueryResult:
        return pipeline.search(_opened(version, model, dataset), query, sources)

    return _on_one_version(index, search_version)


def nearest_to_image(index: Manifest, image_id: int, k: int) -> list[Match]:
    """Return the `k` indexed images nearest to an indexed one; empty if it is not indexed.

    Raises:
        MissingError: The index or its embeddings were deleted.
    """
    from core.embeddings.files import open_embeddings
    from core.query import pipeline

    def search_version(version: Manifest) -> list[Match]:
        opened, workspace = resources.index(version.id, version.fingerprint), resources.workspace()
        dataset = open_dataset(workspace, opened.dataset)
        embeddings = open_embeddings(workspace, opened.embeddings)
        return pipeline.nearest_to_image(opened.store, dataset, embeddings, image_id, k)

    return _on_one_version(index, search_version)


def _on_one_version(index: Manifest, search_version: Callable[[Manifest], T]) -> T:
    """Search an index; once more if it fails because the index was updated meanwhile."""
    try:
        return search_version(index)
    except WorkbenchError:
        current = read_manifest(resources.workspace().indexes / index.id)
        if current.fingerprint == index.fingerprint:
            raise
    return search_version(current)


def _opened(index: Manifest, model: Manifest, dataset: Dataset) -> "OpenedIndex":
    from core.embeddings.files import open_embeddings
    from core.query.opened import OpenedIndex

    opened = resources.index(index.id, index.fingerprint)
    return OpenedIndex(
        index=opened,
        dataset=dataset,
        classes=model.summary["classes"],
        embed=partial(embed, index, model),
        embeddings=partial(open_embeddings, resources.workspace(), opened.embeddings),
        ood_reference=_ood_reference(index, dataset),
    )


def _ood_reference(index: Manifest, dataset: Dataset) -> "OODReference | None":
    """Return the similarities of held-out images; None if there are too few."""
    try:
        return resources.ood_reference(index, dataset)
    except WorkbenchError:  # The embeddings are gone, or there are too few images
        return None


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=BY_REVISION)
def embed(
    index: Manifest,
    model: Manifest,
    images: Sequence[QueryImage],
    sources: Sequence[ImageSource],
) -> "EmbeddedImages":
    """Return query images as the model embeds them for an index.

    Raises:
        UnreadableImageError: One is not an image.
        MissingError: The model or the index was deleted.
        DamagedArtifactError: One of their files was changed.
    """
    from core.query.opened import check_model, decode_images
    from state.open_models import embed as embed_together

    if not images:
        return (), 0.0
    opened = resources.index(index.id, index.fingerprint)
    check_model(opened, model)
    preprocessing = resources.model(model.id, model.fingerprint).config.preprocessing
    pixels, decode_s = decode_images(images, sources, preprocessing)
    return embed_together(model, opened.encoding, pixels), decode_s


@st.cache_data(max_entries=64, show_spinner=False, hash_funcs=BY_REVISION)
def compare_regions(
    source: ImageSource, crop: Crop, index: Manifest, model: Manifest, match: Path
) -> "RegionComparison":
    """Compare the regions of a query image with those of a match.

    Raises:
        UnreadableImageError: One of the two is not an image (any more).
        MissingError: The model or the index was deleted.
    """
    from core.embeddings.encoding import Encoder
    from core.models.batches import load_square
    from core.query import region_match

    opened = resources.model(model.id, model.fingerprint)
    encoding = resources.index(index.id, index.fingerprint).encoding
    preprocessing = opened.config.preprocessing
    return region_match.compare_regions(
        Encoder(opened, encoding),
        load_square(source.open(), preprocessing, crop=crop, name=source.name),
        load_square(match, preprocessing),
    )


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=BY_REVISION)
def example_ids(dataset: Dataset, count: int) -> list[int]:
    """Return the catalog ids of up to `count` images, spread evenly over the dataset."""
    ids = read_ids(dataset.catalog).tolist()
    return [ids[place * len(ids) // count] for place in range(count)] if len(ids) > count else ids


def random_image(dataset: Dataset, seed: int) -> int | None:
    """Return the catalog id of a random image of the dataset; None if it is empty."""
    count = dataset.catalog.count()
    if count == 0:
        return None
    [row] = dataset.catalog.rows(offset=random.Random(seed).randrange(count), limit=1)
    return row.id
