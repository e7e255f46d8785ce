"""Answering a question with the open model and index."""

import hashlib
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.errors import WorkbenchError
from core.images.cropping import Crop
from core.query.export import Asked
from state import resources
from state.query_images import Source
from state.query_view import QueryImage, Question, to_parameters

if TYPE_CHECKING:
    from core.embeddings.files import Embeddings
    from core.query.answer import Answer
    from core.query.ood import OODReference
    from core.query.region_match import RegionComparison
    from core.query.search import Match
    from state.batcher import EmbeddedImage


def asked_of(
    question: Question, sources: Sequence[Source], index: Manifest, found: "Answer"
) -> Asked:
    """Return what was asked, as it is written beside matches that are taken out."""
    first = question.images[0] if question.images else QueryImage()
    wishes = to_parameters(question)
    return Asked(
        index=index,
        query=sources[0].name if sources else "liked images",
        k=question.wanted.k,
        query_sha256=first.digest,
        query_image=first.image_id,
        settings=wishes | {"uploads": len([i for i in question.images if i.digest])},
        prediction=found.prediction,
    )


def answer_of(
    question: Question,
    sources: Sequence[Source],
    index: Manifest,
    model: Manifest,
    dataset: Dataset,
) -> "Answer":
    """Answer a question; its seconds tell what decoding, waiting, embedding and searching took.

    Raises:
        UnreadableImageError: An image of it is none.
        MissingError: The model, the index or its embeddings were deleted.
        DamagedArtifactError: One of their files was changed.
        WorkbenchError: Its images cancel each other out.
    """
    return _answer(
        _key(question, sources),
        index.fingerprint,
        dataset.catalog.revision,
        _parts=(question, sources, index, model, dataset),
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _answer(
    key: str,
    fingerprint: str,
    revision: int,
    _parts: tuple[Question, Sequence[Source], Manifest, Manifest, Dataset],
) -> "Answer":
    """Remember answers, so that a rerun of the page does not search again."""
    del key, fingerprint, revision
    from core.query.answer import EmbeddedQuestion, answer

    question, sources, index, model, dataset = _parts
    opened = resources.index(index.id, index.fingerprint)
    embedded, seconds = _embedded(
        _key(Question(images=question.images), sources),
        index.fingerprint,
        _parts=(question.images, sources, index, model),
    )
    asked = EmbeddedQuestion(
        embeddings=[one.embedding for one in embedded],
        probabilities=[one.probabilities for one in embedded],
        is_wanted=[image.is_wanted for image in question.images],
        liked=question.liked,
        unliked=question.unliked,
        blend=question.blend,
        own_ids=question.own_ids,
    )
    found = answer(
        opened,
        dataset,
        _embeddings_for(question, opened.embeddings),
        model.summary["classes"],
        asked,
        question.wanted,
        ood_reference_of(index, dataset),
    )
    return found.after(seconds, max((one.together for one in embedded), default=1))


def embedded_of(
    question: Question, sources: Sequence[Source], index: Manifest, model: Manifest
) -> "list[EmbeddedImage]":
    """Return the images of a question as the model embeds them, in their order.

    Raises:
        UnreadableImageError: One is no image.
        MissingError: The model or the index was deleted.
        DamagedArtifactError: One of their files was changed.
    """
    key = _key(Question(images=question.images), sources)
    parts = (question.images, sources, index, model)
    return _embedded(key, index.fingerprint, _parts=parts)[0]


@st.cache_data(max_entries=64, show_spinner=False)
def _embedded(
    key: str,
    fingerprint: str,
    _parts: tuple[Sequence[QueryImage], Sequence[Source], Manifest, Manifest],
) -> "tuple[list[EmbeddedImage], dict[str, float]]":
    """Remember embeddings, too, so that another filter or a like only searches again."""
    del key, fingerprint
    from core.models.batches import load_cropped_square
    from core.query.query import check_model
    from state.open_models import embed

    images, sources, index, model = _parts
    opened = resources.index(index.id, index.fingerprint)
    check_model(opened, model)
    if not images:
        return [], {}
    side = resources.model(model.id, model.fingerprint).config.image_size
    started = time.perf_counter()
    pixels = [
        load_cropped_square(source.open(), side, image.crop, name=source.name)
        for image, source in zip(images, sources, strict=True)
    ]
    decoded = time.perf_counter()
    embedded = embed(model, opened.encoding, pixels)
    return embedded, {
        "decode": decoded - started,
        "wait": max(one.waited_s for one in embedded),
        "embed": max(one.took_s for one in embedded),
    }


def _embeddings_for(question: Question, embeddings_id: str) -> "Embeddings | None":
    """Open an index's embeddings, where matches were judged: they are looked up in them."""
    if not question.liked and not question.unliked:
        return None
    from core.embeddings.files import open_embeddings

    return open_embeddings(resources.workspace(), embeddings_id)


def ood_reference_of(index: Manifest, dataset: Dataset) -> "OODReference | None":
    """Return what held-out images get from an index; None where too few can be asked.

    Raises:
        MissingError: The index was deleted.
    """
    try:
        return resources.ood_reference(index.id, index.fingerprint, dataset.catalog.revision)
    except WorkbenchError:  # Its embeddings are gone, or there are too few images
        return None


def regions_of(
    question: Question, source: Source, index: Manifest, model: Manifest, match: Path
) -> "RegionComparison":
    """Compare the regions of a question's first image with those of a match.

    Raises:
        UnreadableImageError: One of the two is no image (any more).
        MissingError: The model or the index was deleted.
    """
    crop = question.images[0].crop
    return _regions(
        f"{source.key} {crop.key}", str(match), index.fingerprint, (source, crop, index, model)
    )


@st.cache_data(max_entries=64, show_spinner=False)
def _regions(
    key: str, match: str, fingerprint: str, _parts: tuple[Source, Crop, Manifest, Manifest]
) -> "RegionComparison":
    del key, fingerprint
    from core.embeddings.encoding import Encoder
    from core.models.batches import load_cropped_square, load_square
    from core.query.region_match import compare_regions

    source, crop, index, model = _parts
    opened = resources.model(model.id, model.fingerprint)
    encoding = resources.index(index.id, index.fingerprint).encoding
    side = opened.config.image_size
    return compare_regions(
        Encoder(opened, encoding),
        load_cropped_square(source.open(), side, crop, name=source.name),
        load_square(Path(match), side),
    )


def neighbors_of(index: Manifest, image_id: int, k: int) -> "list[Match]":
    """Return the `k` indexed images nearest to one that is indexed; none if it is not.

    Raises:
        MissingError: The index or its embeddings were deleted.
    """
    from core.query.query import neighbors_of_image

    opened = resources.index(index.id, index.fingerprint)
    return neighbors_of_image(resources.workspace(), opened, image_id, k)


def random_image(dataset: Dataset, seed: int) -> int | None:
    """Return the catalog id of some image of the dataset; None if it is empty."""
    count = dataset.catalog.count()
    if count == 0:
        return None
    [row] = dataset.catalog.rows(offset=random.Random(seed).randrange(count), limit=1)
    return row.id


def _key(question: Question, sources: Sequence[Source]) -> str:
    """Identify what is asked by content, for a cache."""
    said = repr((question, [source.key for source in sources]))
    return hashlib.sha256(said.encode()).hexdigest()
