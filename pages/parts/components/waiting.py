"""Waiting without animations: a sentence (`st.spinner`), and nothing that moves.

A browser draws animations 60 times a second. On a machine that also runs the browsers, without a
graphics card, ten waiting tabs take a core from the computation: benchmarks/README.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.delta_generator import DeltaGenerator


@contextmanager
def in_place(sentence: str, key: str) -> Iterator[DeltaGenerator]:
    """Show a sentence where the first line of the result will be; yield that place for one line.

    A spinner elsewhere moves everything below it down and up again, which is drawn each time. The
    result of the run before is hidden meanwhile.
    """
    place = st.container(key=f"in-place-{key}", gap=None)
    with place, st.spinner(sentence):
        yield place
