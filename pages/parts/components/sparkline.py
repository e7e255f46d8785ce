"""Sparkline: a curve without axes, as an image with an alternative text."""

from collections.abc import Sequence

import streamlit as st

WIDTH, HEIGHT, MARGIN = 300, 44, 3
COLOR = "#6472e4"
"""The accent, as it is seen on light and dark pages."""


def sparkline(values: Sequence[float], name: str) -> None:
    """Draw values as a curve; `name` says of what."""
    first, last = values[0], values[-1]
    alt = f"{name}: from {first:.3f} to {last:.3f} in {len(values)} epochs"
    st.image(svg(values), width="stretch", alt=alt)


def svg(values: Sequence[float]) -> str:
    """Return the curve as SVG; equal values are a line in the middle."""
    low, high = min(values), max(values)
    points = " ".join(
        f"{_place(number, 0, len(values) - 1, WIDTH):.1f},"
        f"{HEIGHT - _place(value, low, high, HEIGHT):.1f}"
        for number, value in enumerate(values)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<polyline points="{points}" fill="none" stroke="{COLOR}" stroke-width="2"/></svg>'
    )


def _place(value: float, low: float, high: float, length: int) -> float:
    share = (value - low) / (high - low) if high > low else 0.5
    return MARGIN + share * (length - 2 * MARGIN)
