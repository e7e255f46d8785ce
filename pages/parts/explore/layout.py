"""Layout of the Explore page: a map as high as the window, and a panel beside it."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

HEIGHT = "max(22rem, calc(100vh - var(--around-map, 184px)))"
"""CSS height of a map below the title and a row of options; in a narrow window, above a panel."""


def split() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Return the place of the map and that of the panel."""
    with st.container(horizontal=True, gap="small", key="explore-page"):
        return st.container(gap=None, key="explore-plot"), st.container(key="explore-panel")


def hint(sentence: str) -> None:
    """Draw the sentence of an empty panel."""
    st.caption(f":material/touch_app: {sentence}")
