"""The pictures of query images, small enough for a page, as data URIs."""

import streamlit as st

from core.images.cropping import Crop, open_cropped
from core.images.decoding import read_header
from core.images.thumbnails import SIDE, data_uri, encode_thumbnail
from state.query_images import Source


def picture(source: Source, crop: Crop, side: int = SIDE) -> str:
    """Return what a crop shows.

    Args:
        source: The image.
        crop: The part of it that is meant.
        side: Of the picture's longest side, in pixels, at most.

    Raises:
        UnreadableImageError: It is no image (any more).
        WorkbenchError: The crop has too few pixels.
    """
    return _picture(source.key, crop.key, side, _parts=(source, crop))


@st.cache_data(max_entries=256, show_spinner=False)
def _picture(key: str, crop_key: str, side: int, _parts: tuple[Source, Crop]) -> str:
    del key, crop_key
    source, crop = _parts
    image = open_cropped(source.open(), crop, name=source.name, at_least=side)
    return data_uri(encode_thumbnail(image, side))


def size_of(source: Source) -> tuple[int, int]:
    """Return an image's width and height in pixels, as it stands upright.

    Raises:
        UnreadableImageError: It is no image (any more).
    """
    header = read_header(source.open(), name=source.name)
    return header.width, header.height
