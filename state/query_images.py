"""The images of the Query page's query: their content, and small versions for the page."""

from collections.abc import Sequence

import streamlit as st

from core.datasets.annotations.annotation import Box
from core.datasets.annotations.geometry import crop_of
from core.datasets.registry import Dataset
from core.errors import MissingError
from core.images.cropping import Crop
from core.images.isolation import make_thumbnail, read_header
from core.images.thumbnails import SIDE, data_uri
from core.query.query import ImageSource, Query
from state import session
from state.cache_keys import BY_REVISION


def sources_of(query: Query, dataset: Dataset) -> list[ImageSource]:
    """Return the content of each image of a query: an upload of this tab or a dataset's file.

    The class of a crop that is a box of its image is that of the box.

    Raises:
        MissingError: An image is no longer in the dataset, its folder is gone, or the upload is no
            longer kept.
    """
    ids = [image.image_id for image in query.images if image.image_id is not None]
    rows = dataset.catalog.rows_by_id(ids)
    boxes = dataset.catalog.boxes_of(ids)
    sources = []
    for image in query.images:
        if image.image_id is None:
            upload = session.selection().uploads.get(image.digest)
            if upload is None:
                raise MissingError(
                    "The uploaded image is no longer available in this tab.", "Upload it again."
                )
            sources.append(ImageSource(upload.name, upload.content, image.digest))
        elif image.image_id in rows:
            row = rows[image.image_id]
            dataset.require_root(row.root)
            key = f"{row.id}-{row.sha256}"
            label = _label_of_crop(image.crop, boxes.get(row.id, ())) or row.label
            sources.append(ImageSource(row.path, dataset.path_of(row), key, label))
        else:
            raise MissingError(
                "An image of this query is no longer in the dataset.", "Select another image."
            )
    return sources


def _label_of_crop(crop: Crop, boxes: Sequence[Box]) -> str | None:
    """Return the class of the box that a crop is, None if it is none or the whole image."""
    is_box = (box.label for box in boxes if not crop.is_whole and crop_of(box).key == crop.key)
    return next(is_box, None)


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
    return data_uri(make_thumbnail(source.open(), side, crop=crop, name=source.name))


def size_of(source: ImageSource) -> tuple[int, int]:
    """Return the upright width and height of an image in pixels.

    Raises:
        UnreadableImageError: It is not an image (any more).
    """
    header = read_header(source.open(), name=source.name)
    return header.width, header.height
