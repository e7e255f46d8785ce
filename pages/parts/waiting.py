"""What is seen while something takes long: a sentence, and nothing that moves.

What turns or fades is drawn 60 times a second. On a machine that has its browsers, too, and no
graphics card, ten that wait take a core from what they wait for: benchmarks/README.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import streamlit as st
from streamlit.runtime.scriptrunner import add_script_run_ctx

PATIENCE_S = 0.5
"""How long nothing is said; the same as of `st.spinner`. What is quicker does not flicker."""

STYLE = Path(__file__).parent / "assets" / "waiting.css"


def stand_still() -> None:
    """Still what Streamlit moves by itself while a page runs; called once in each run."""
    st.html(STYLE)


@contextmanager
def note(sentence: str) -> Iterator[None]:
    """Show a sentence until the block is done, if that takes a while; `st.spinner` would turn."""
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
