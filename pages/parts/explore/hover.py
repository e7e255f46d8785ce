"""Images in the tooltips of a map."""

from collections.abc import Mapping

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.maps.selection import nearest_to
from pages.parts.components.hover_images import HoverImage, hover_images
from state import resources

LIKELY_NEXT = 8
"""Points around the pointer whose images are sent too, since the pointer rests on one of them
next."""


@st.fragment
def serve(
    key: str,
    points: NDArray[np.float32],
    image_ids: NDArray[np.int64],
    dataset: Dataset,
    preserved: NDArray[np.float32] | None = None,
) -> None:
    """Serve the tooltip images of a scatter plot, without rerunning the page.

    Args:
        key: Widget key of the scatter plot.
        points: (N, C) positions.
        image_ids: (N,) catalog ids.
        dataset: Has the images.
        preserved: (N,) neighborhood preservation, if known.
    """

    def images_near(place: int) -> Mapping[int, HoverImage]:
        places = nearest_to(points, place, LIKELY_NEXT).tolist()
        ids = image_ids[places].tolist()
        rows = dataset.catalog.rows_by_id(ids)
        kept = [""] * len(places)
        if preserved is not None:
            kept = [f"{preserved[i]:.0%} preserved" for i in places]
        return {
            i: _image(dataset, rows.get(image_id), quality)
            for i, image_id, quality in zip(places, ids, kept, strict=True)
        }

    hover_images(key, len(points), images_near)


def _image(dataset: Dataset, row: ImageRow | None, quality: str) -> HoverImage:
    if row is None:
        return HoverImage("", "no longer in the dataset")
    src, problem = resources.tile_source(dataset, row)
    lines = [row.label or "unlabeled", row.path.rsplit("/", 1)[-1], quality, problem]
    return HoverImage(src, "\n".join(line for line in lines if line))
