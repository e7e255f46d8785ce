"""What is seen while something takes long: a sentence (`st.spinner`), and nothing that moves.

What turns or fades is drawn 60 times a second. On a machine that has its browsers, too, and no
graphics card, ten that wait take a core from what they wait for: benchmarks/README.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

STYLE = (Path(__file__).parent / "waiting.css").read_text(encoding="utf-8")


def stand_still() -> None:
    """Still what Streamlit moves by itself while a page runs; called once in each run."""
    st.html(f"<style>{STYLE}</style>")


@contextmanager
def in_place(sentence: str, key: str) -> Iterator[DeltaGenerator]:
    """Say what is waited for where its first line will be; give that place, to draw one line in.

    A spinner elsewhere moves all that is below it down and up again, which is drawn anew each time.
    What is there from the run before is hidden meanwhile.
    """
    place = st.container(key=f"in-place-{key}", gap=None)
    with place, st.spinner(sentence):
        yield place
