"""Searches of the Query page, with models, forward passes and results shared between tabs."""

import hashlib
import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset, open_dataset
from core.errors import WorkbenchError
from core.images.cropping import Crop
from core.query.query import ImageSource, Query, QueryImage
from core.query.result import Match, QueryResult
from state import resources

if TYPE_CHECKING:
    from core.query.ood import OODReference
    from core.query.opened import EmbeddedImages, OpenedIndex
    from core.query.region_match import RegionComparison


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
    key = _key(query, sources)
    parts = (query, sources, index, model, dataset)
    return _search(key, index.fingerprint, dataset.catalog.revision, _parts=parts)


@st.cache_data(max_entries=64, show_spinner=False)
def _search(
    key: str,
    fingerprint: str,
    revision: int,
    _parts: tuple[Query, Sequence[ImageSource], Manifest, Manifest, Dataset],
) -> QueryResult:
    del key, fingerprint, revision
    from core.query import pipeline

    query, sources, index, model, dataset = _parts
    return pipeline.search(_opened(index, model, dataset), query, sources)


def embed(
    query: Query, sources: Sequence[ImageSource], index: Manifest, model: Manifest
) -> "EmbeddedImages":
    """Return the images of a query as the model embeds them for an index.

    Raises:
        UnreadableImageError: One is not an image.
        MissingError: The model or the index was deleted.
        DamagedArtifactError: One of their files was changed.
    """
    return _embed(index, model, query.images, sources)


def nearest_to_image(index: Manifest, image_id: int, k: int) -> list[Match]:
    """Return the `k` indexed images nearest to an indexed one; empty if it is not indexed.

    Raises:
        MissingError: The index or its embeddings were deleted.
    """
    from core.embeddings.files import open_embeddings
    from core.query import pipeline

    opened, workspace = resources.index(index.id, index.fingerprint), resources.workspace()
    dataset = open_dataset(workspace, opened.dataset)
    embeddings = open_embeddings(workspace, opened.embeddings)
    return pipeline.nearest_to_image(opened.store, dataset, embeddings, image_id, k)


def _opened(index: Manifest, model: Manifest, dataset: Dataset) -> "OpenedIndex":
    from core.embeddings.files import open_embeddings
    from core.query.opened import OpenedIndex

    opened = resources.index(index.id, index.fingerprint)
    return OpenedIndex(
        index=opened,
        dataset=dataset,
        classes=model.summary["classes"],
        embed=partial(_embed, index, model),
        embeddings=partial(open_embeddings, resources.workspace(), opened.embeddings),
        ood_reference=_ood_reference(index, dataset),
    )


def _ood_reference(index: Manifest, dataset: Dataset) -> "OODReference | None":
    """Return the similarities of held-out images; None if there are too few."""
    try:
        return resources.ood_reference(index.id, index.fingerprint, dataset.catalog.revision)
    except WorkbenchError:  # The embeddings are gone, or there are too few images
        return None


def _embed(
    index: Manifest,
    model: Manifest,
    images: Sequence[QueryImage],
    sources: Sequence[ImageSource],
) -> "EmbeddedImages":
    if not images:
        return (), 0.0
    key = _key(Query(images=tuple(images)), sources)
    return _embed_cached(key, index.fingerprint, _parts=(images, sources, index, model))


@st.cache_data(max_entries=64, show_spinner=False)
def _embed_cached(
    key: str,
    fingerprint: str,
    _parts: tuple[Sequence[QueryImage], Sequence[ImageSource], Manifest, Manifest],
) -> "EmbeddedImages":
    """Decode and embed images; with other options or examples they are only searched again."""
    del key, fingerprint
    from core.query.opened import check_model, decode_images
    from state.open_models import embed as embed_together

    images, sources, index, model = _parts
    opened = resources.index(index.id, index.fingerprint)
    check_model(opened, model)
    side = resources.model(model.id, model.fingerprint).config.image_size
    pixels, decode_s = decode_images(images, sources, side)
    return embed_together(model, opened.encoding, pixels), decode_s


def compare_regions(
    query: Query, source: ImageSource, index: Manifest, model: Manifest, match: Path
) -> "RegionComparison":
    """Compare the regions of a query's first image with those of a match.

    Raises:
        UnreadableImageError: One of the two is not an image (any more).
        MissingError: The model or the index was deleted.
    """
    crop = query.images[0].crop
    key = f"{source.key} {crop.key}"
    return _compare_regions(key, str(match), index.fingerprint, (source, crop, index, model))


@st.cache_data(max_entries=64, show_spinner=False)
def _compare_regions(
    key: str, match: str, fingerprint: str, _parts: tuple[ImageSource, Crop, Manifest, Manifest]
) -> "RegionComparison":
    del key, fingerprint
    from core.embeddings.encoding import Encoder
    from core.models.batches import load_cropped_square, load_square
    from core.query import region_match

    source, crop, index, model = _parts
    opened = resources.model(model.id, model.fingerprint)
    encoding = resources.index(index.id, index.fingerprint).encoding
    side = opened.config.image_size
    return region_match.compare_regions(
        Encoder(opened, encoding),
        load_cropped_square(source.open(), side, crop, name=source.name),
        load_square(Path(match), side),
    )


def random_image(dataset: Dataset, seed: int) -> int | None:
    """Return the catalog id of a random image of the dataset; None if it is empty."""
    count = dataset.catalog.count()
    if count == 0:
        return None
    [row] = dataset.catalog.rows(offset=random.Random(seed).randrange(count), limit=1)
    return row.id


def _key(query: Query, sources: Sequence[ImageSource]) -> str:
    """Identify a query by its content, as a cache key."""
    content = repr((query, [source.key for source in sources]))
    return hashlib.sha256(content.encode()).hexdigest()
