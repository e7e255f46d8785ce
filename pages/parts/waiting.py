"""A sentence while something takes long, where `st.spinner` would turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx

PATIENCE_S = 0.5
"""How long nothing is said; the same as of `st.spinner`. What is quicker does not flicker."""


@contextmanager
def note(sentence: str) -> Iterator[None]:
    """Show a sentence until the block is done, if that takes a while; it stands still.

    What turns is drawn 60 times a second. On a machine that has its browsers, too, and no graphics
    card, ten that wait take a core from the very search that they wait for: benchmarks/README.md.
    """
    place = st.empty()
    timer = Timer(PATIENCE_S, place.caption, [sentence])
    add_script_run_ctx(timer)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # It may be about to write
        place.empty()
