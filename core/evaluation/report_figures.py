"""Figures of a report as SVG, without scripts."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 300
LEFT, RIGHT, TOP, BOTTOM = 44, 150, 12, 34
COLORS = ("#5b6ad0", "#14b8a6", "#f59e0b", "#a855f7", "#64748b", "#ef4444")
CELL, NAMES = 18, 170
"""Width in pixels of a cell of the heat map, and of the names beside it."""


def curves(lines: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Return curves over k on a logarithmic axis: name → (k, value in [0, 1]), by k."""
    ranks = sorted({k for points in lines.values() for k, _ in points})
    widest = np.log(max([*ranks, 2]))

    def x(k: float) -> float:
        return float(LEFT + (WIDTH - LEFT - RIGHT) * np.log(k) / widest)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value)

    parts = [
        f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(at):.1f}" y2="{y(at):.1f}" class="grid"/>'
        f'<text x="{LEFT - 6}" y="{y(at) + 4:.1f}" text-anchor="end">{at:g}</text>'
        for at in (0, 0.25, 0.5, 0.75, 1)
    ]
    parts += [
        f'<text x="{x(k):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{k}</text>' for k in ranks
    ]
    for number, (name, points) in enumerate(lines.items()):
        color = COLORS[number % len(COLORS)]
        path = " ".join(f"{x(k):.1f},{y(value):.1f}" for k, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts.append(
            f'<text x="{WIDTH - RIGHT + 12}" y="{TOP + 14 + 18 * number}" style="fill:{color}">'
            f"{escape(name)}</text>"
        )
    return _svg(WIDTH, HEIGHT, parts, "Measures over k")


def bars(values: Sequence[tuple[str, float]], color: str, title: str) -> str:
    """Return a bar chart of (name, value in [0, 1])."""
    parts = []
    for number, (name, value) in enumerate(values):
        top, end = 20 * number, NAMES + 300 * value
        parts.append(
            f'<text x="{NAMES - 8}" y="{top + 15}" text-anchor="end">{escape(_short(name))}</text>'
            f'<rect x="{NAMES}" y="{top + 3}" width="{max(1, end - NAMES):.0f}" height="15" '
            f'fill="{color}"/><text x="{end + 8:.0f}" y="{top + 15}">{value:.3f}</text>'
        )
    return _svg(NAMES + 370, 20 * len(values) + 6, parts, title)


def heat_map(labels: Sequence[str], shares: NDArray[np.float64]) -> str:
    """Return a heat map of (C, C) shares in [0, 1]; rows: query class, columns: retrieved class."""
    parts = []
    for row, label in enumerate(labels):
        middle = NAMES + CELL * row + 13
        parts.append(
            f'<text x="{NAMES - 6}" y="{middle}" text-anchor="end">{escape(_short(label))}</text>'
            f'<text transform="translate({middle - 2},{NAMES - 6}) rotate(-90)">'
            f"{escape(_short(label))}</text>"
        )
        parts += [
            f'<rect x="{NAMES + CELL * column}" y="{NAMES + CELL * row}" width="{CELL - 1}" '
            f'height="{CELL - 1}" fill="{COLORS[0]}" fill-opacity="{max(0.04, share):.3f}">'
            f"<title>{escape(label)} retrieves {escape(labels[column])}: {share:.1%}</title></rect>"
            for column, share in enumerate(shares[row])
        ]
    side = NAMES + CELL * len(labels) + 4
    return _svg(side, side, parts, "Confusion of classes")


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"


def _svg(width: int, height: int, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(title)}">{"".join(parts)}</svg>'
    )
