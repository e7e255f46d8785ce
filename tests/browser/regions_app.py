"""The heat maps on a page of their own, for test_regions.py.

Of the 3 x 3 places only three pairs add anything: the query's first with the match's last, and the
query's middle with two of the match. The other pair of pictures is the same, exchanged.
"""

import numpy as np
import streamlit as st
from PIL import Image

from core.datasets.sample.drawing import draw
from core.images.thumbnails import data_uri, encode_thumbnail
from core.query.region_match import RegionComparison
from pages.parts.query.regions import regions

PAIRS = {((0, 0), (2, 2)): 0.5, ((1, 1), (0, 1)): 0.3, ((1, 1), (1, 1)): -0.1}


def by_hand() -> RegionComparison:
    matrix = np.zeros((3, 3, 3, 3), np.float32)
    for (here, there), value in PAIRS.items():
        matrix[(*here, *there)] = value
    return RegionComparison(
        squashed=False,
        similarity=float(matrix.sum()),
        query_heat=matrix.sum(axis=(2, 3)),
        match_heat=matrix.sum(axis=(0, 1)),
        matrix=matrix,
    )


def picture(category: str, width: int, height: int) -> str:
    """Return a drawing in the middle of a picture of that size."""
    whole = Image.new("RGB", (width, height), "seagreen")
    side = min(width, height)
    whole.paste(draw(category, 0, size=side).image, ((width - side) // 2, (height - side) // 2))
    return data_uri(encode_thumbnail(whole, max(width, height)))


st.set_page_config(layout="wide")
st.session_state.runs = st.session_state.get("runs", 0) + 1
made, wide, tall = by_hand(), picture("cat", 320, 200), picture("fish", 200, 260)
st.button("run again")
if st.toggle("exchanged"):
    made = RegionComparison(
        squashed=False,
        similarity=made.similarity,
        query_heat=made.match_heat,
        match_heat=made.query_heat,
        matrix=np.ascontiguousarray(made.matrix.transpose(2, 3, 0, 1)),
    )
    wide, tall = tall, wide
regions(made, wide, tall, key="regions")
st.text(f"runs: {st.session_state.runs}")
