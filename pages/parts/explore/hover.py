"""The pictures beside the pointer on a map of a dataset's images."""

from collections.abc import Mapping

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.datasets.catalog import ImageRow
from core.datasets.registry import Dataset
from pages.parts.components.hover_images import Picture, hover_pictures
from state import resources

LIKELY_NEXT = 8
"""Points around the pointer whose pictures come along: it rests on one of them next."""


@st.fragment
def serve(
    key: str,
    points: NDArray[np.float32],
    image_ids: NDArray[np.int64],
    dataset: Dataset,
    preserved: NDArray[np.float32] | None = None,
) -> None:
    """Serve the pictures of the scatter of that key, without a run of the whole page.

    Args:
        key: The scatter's.
        points: (N, C) where they lie.
        image_ids: (N,) catalog ids.
        dataset: Whose images they are.
        preserved: (N,) share of its neighbors that each keeps, where that is known.
    """

    def pictures_of(place: int) -> Mapping[int, Picture]:
        away = np.square(points - points[place]).sum(axis=1)
        count = min(LIKELY_NEXT, len(points))
        places = np.argpartition(away, count - 1)[:count].tolist()
        ids = image_ids[places].tolist()
        rows = dataset.catalog.rows_by_id(ids)
        return {
            i: _picture(
                dataset, rows.get(image_id), "" if preserved is None else _said(preserved[i])
            )
            for i, image_id in zip(places, ids, strict=True)
        }

    hover_pictures(key, len(points), pictures_of)


def _said(preserved: np.float32) -> str:
    return f"neighbors kept {preserved:.0%}"


def _picture(dataset: Dataset, row: ImageRow | None, said: str) -> Picture:
    if row is None:
        return Picture("", "no longer in the dataset")
    src, problem = resources.tile_source(dataset, row)
    lines = [row.label or "no label", row.path.rsplit("/", 1)[-1], said, problem]
    return Picture(src, "\n".join(line for line in lines if line))
