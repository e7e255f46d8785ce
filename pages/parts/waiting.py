"""What is seen while something takes long: a sentence (`st.spinner`), and nothing that moves.

What turns or fades is drawn 60 times a second. On a machine that has its browsers, too, and no
graphics card, ten that wait take a core from what they wait for: benchmarks/README.md.
"""

from pathlib import Path

import streamlit as st

STYLE = (Path(__file__).parent / "assets" / "waiting.css").read_text(encoding="utf-8")


def stand_still() -> None:
    """Still what Streamlit moves by itself while a page runs; called once in each run."""
    st.html(f"<style>{STYLE}</style>")
