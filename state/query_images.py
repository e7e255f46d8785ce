"""The images of the Query page's query: their content, and small versions for the page."""

import streamlit as st

from core.datasets.registry import Dataset
from core.errors import MissingError
from core.images.cropping import Crop, open_cropped
from core.images.decoding import read_header
from core.images.thumbnails import SIDE, data_uri, encode_thumbnail
from core.query.query import ImageSource, Query
from state import session
from state.cache_keys import BY_REVISION


def sources_of(query: Query, dataset: Dataset) -> list[ImageSource]:
    """Return the content of each image of a query: an upload of this tab or a dataset's file.

    Raises:
        MissingError: An image is no longer in the dataset, or the upload is no longer kept.
    """
    ids = [image.image_id for image in query.images if image.image_id is not None]
    rows = dataset.catalog.rows_by_id(ids)
    sources = []
    for image in query.images:
        if image.image_id is None:
            upload = session.selection().uploads.get(image.digest)
            if upload is None:
                raise MissingError(
                    "This uploaded image is no longer kept in this tab.", "Upload it again."
                )
            sources.append(ImageSource(upload.name, upload.content, image.digest))
        elif image.image_id in rows:
            row = rows[image.image_id]
            key = f"{row.id}-{row.sha256}"
            sources.append(ImageSource(row.path, dataset.path_of(row), key, row.label))
        else:
            raise MissingError(
                "An image of this query is no longer in the dataset.", "Ask by another one."
            )
    return sources


def label_of(query: Query, sources: list[ImageSource]) -> str | None:
    """Return the class of a query: the given one, else the one that all its images have."""
    if query.label:
        return query.label
    labels = {
        source.label
        for image, source in zip(query.images, sources, strict=True)
        if image.is_positive
    }
    return labels.pop() if len(labels) == 1 else None


@st.cache_data(max_entries=256, show_spinner=False, hash_funcs=BY_REVISION)
def thumbnail_uri(source: ImageSource, crop: Crop, side: int = SIDE) -> str:
    """Return the crop of an image as a data URI.

    Args:
        source: The image.
        crop: The part to show.
        side: Longest side of the result in pixels, at most.

    Raises:
        UnreadableImageError: It is not an image (any more).
        WorkbenchError: The crop has too few pixels.
    """
    image = open_cropped(source.open(), crop, name=source.name, min_side=side)
    return data_uri(encode_thumbnail(image, side))


def size_of(source: ImageSource) -> tuple[int, int]:
    """Return the upright width and height of an image in pixels.

    Raises:
        UnreadableImageError: It is not an image (any more).
    """
    header = read_header(source.open(), name=source.name)
    return header.width, header.height
