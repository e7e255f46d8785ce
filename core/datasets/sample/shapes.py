"""Shapes of the sample dataset's classes, as flat polygons without colors.

Points, in this file: (N, 2) float64, x to the right and y down, about -1 to 1 on both axes.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float64]
Pair: TypeAlias = tuple[float, float]

ARC_STEP = 15
"""Degrees between the points of a curve; finer steps are invisible at 128 pixels."""


class Tone(StrEnum):
    """Which color of an object a part has."""

    MAIN = "main"
    ACCENT = "accent"
    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Part:
    """A filled polygon of an object; later parts cover earlier ones."""

    points: Points
    tone: Tone = Tone.MAIN


def polygon(*corners: Pair) -> Points:
    """Return the corners as points."""
    return np.array(corners, np.float64)


def box(left: float, top: float, right: float, bottom: float) -> Points:
    """Return an upright rectangle."""
    return polygon((left, top), (right, top), (right, bottom), (left, bottom))


def arc(center: Pair, radii: Pair, start: float = 0, stop: float = 360, tilt: float = 0) -> Points:
    """Return an ellipse or a piece of one, closed by a straight edge; angles in degrees."""
    count = max(3, round((stop - start) / ARC_STEP) + 1)
    angles = np.radians(np.linspace(start, stop, count))
    curve = np.stack([np.cos(angles), np.sin(angles)], axis=1) * radii
    return turned(curve, tilt) + center


def disc(x: float, y: float, radius: float) -> Points:
    """Return a circle."""
    return arc((x, y), (radius, radius))


def ring(center: Pair, radii: Pair, width: float, start: float, stop: float) -> Points:
    """Return a segment of a band of the given width around an ellipse; angles in degrees."""
    inner = (radii[0] - width, radii[1] - width)
    back = arc(center, inner, start, stop)[::-1]
    return np.concatenate([arc(center, radii, start, stop), back])


def turned(points: Points, degrees: float) -> Points:
    """Return the points rotated clockwise (with y down) around the origin."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rotated: Points = points @ np.array([[cos, sin], [-sin, cos]])
    return rotated


def mirrored(points: Points) -> Points:
    """Return the points mirrored left to right."""
    flipped: Points = points * np.array([-1.0, 1.0])
    return flipped


def _boat(rng: Random) -> list[Part]:
    top, hull = rng.uniform(-1, -0.8), rng.uniform(0.75, 0.9)
    return [
        Part(box(-0.04, top - 0.08, 0.04, 0.4), Tone.DARK),
        Part(polygon((0.07, top), (0.07, 0.24), (rng.uniform(0.6, 0.75), 0.24)), Tone.LIGHT),
        Part(polygon((-0.07, top + 0.2), (-0.07, 0.24), (-0.62, 0.24)), Tone.ACCENT),
        Part(polygon((-hull, 0.34), (hull, 0.34), (hull - 0.3, 0.78), (0.25 - hull, 0.78))),
        Part(box(0.12 - hull, 0.46, hull - 0.12, 0.55), Tone.LIGHT),
    ]


def _butterfly(rng: Random) -> list[Part]:
    tilt, low = rng.uniform(-42, -28), rng.uniform(0.3, 0.38)
    halves = [
        Part(arc((0.5, -0.34), (0.54, 0.36), tilt=tilt)),
        Part(arc((0.4, 0.4), (0.4, low), tilt=38), Tone.ACCENT),
        Part(disc(0.6, -0.42, 0.16), Tone.LIGHT),
        Part(disc(0.44, 0.42, 0.13), Tone.LIGHT),
        Part(polygon((0.0, -0.5), (0.2, -0.95), (0.28, -0.92), (0.07, -0.45)), Tone.DARK),
    ]
    others = [Part(mirrored(part.points), part.tone) for part in halves]
    return [*halves, *others, Part(arc((0, 0), (0.1, 0.62)), Tone.DARK)]


def _car(rng: Random) -> list[Part]:
    roof, back = rng.uniform(-0.55, -0.42), rng.uniform(-0.72, -0.6)
    parts = [
        Part(polygon((back, 0), (back + 0.18, roof), (0.3, roof), (0.62, 0.02))),
        Part(polygon((-0.98, -0.04), (0.62, -0.04), (0.98, 0.1), (0.98, 0.4), (-0.98, 0.4))),
        Part(polygon((back + 0.14, -0.04), (back + 0.25, roof + 0.1), (-0.16, roof + 0.1),
                     (-0.16, -0.04)), Tone.LIGHT),
        Part(polygon((-0.06, -0.04), (-0.06, roof + 0.1), (0.25, roof + 0.1), (0.46, -0.04)),
             Tone.LIGHT),
        Part(box(0.84, 0.12, 0.98, 0.24), Tone.ACCENT),
    ]  # fmt: skip
    for x in (-0.52, 0.54):
        parts += [Part(disc(x, 0.4, 0.25), Tone.DARK), Part(disc(x, 0.4, 0.11), Tone.LIGHT)]
    return parts


def _cat(rng: Random) -> list[Part]:
    ear, width = rng.uniform(-0.95, -0.8), rng.uniform(0.72, 0.82)
    parts = [Part(arc((0, 0.1), (width, 0.62)))]
    for side in (-1, 1):
        parts += [
            Part(polygon((side * 0.7, 0), (side * 0.66, ear), (side * 0.12, -0.42))),
            Part(polygon((side * 0.6, -0.3), (side * 0.58, ear + 0.22), (side * 0.3, -0.42)),
                 Tone.ACCENT),
            Part(arc((side * 0.3, 0), (0.15, 0.18)), Tone.LIGHT),
            Part(arc((side * 0.3, 0.02), (0.07, 0.14)), Tone.DARK),
        ]  # fmt: skip
    parts += [Part(ring((x, 0.4), (0.13, 0.13), 0.05, 0, 180), Tone.DARK) for x in (-0.1, 0.1)]
    return [*parts, Part(polygon((-0.1, 0.26), (0.1, 0.26), (0, 0.38)), Tone.DARK)]


def _cup(rng: Random) -> list[Part]:
    foot, handle = rng.uniform(0.34, 0.48), rng.uniform(0.34, 0.4)
    return [
        Part(ring((0.5, 0.02), (0.48, handle), 0.15, -95, 100)),
        Part(polygon((-0.66, -0.5), (0.54, -0.5), (foot, 0.6), (-foot - 0.12, 0.6))),
        Part(arc((-0.06, 0.6), (foot + 0.06, 0.12))),
        Part(polygon((-0.63, -0.14), (0.51, -0.14), (0.47, 0.16), (-0.59, 0.16)), Tone.ACCENT),
        Part(arc((-0.06, -0.5), (0.6, 0.17)), Tone.LIGHT),
        Part(arc((-0.06, -0.47), (0.48, 0.11)), Tone.DARK),
    ]


def _fish(rng: Random) -> list[Part]:
    height, tail = rng.uniform(0.42, 0.54), rng.uniform(0.4, 0.52)
    return [
        Part(polygon((-0.3, -0.3), (0.02, -0.3 - tail), (0.34, -0.2)), Tone.ACCENT),
        Part(polygon((-0.15, 0.35), (0.15, 0.3 + tail * 0.8), (0.3, 0.2)), Tone.ACCENT),
        Part(polygon((0.45, 0), (1.05, -tail), (0.9, 0), (1.05, tail)), Tone.ACCENT),
        Part(arc((-0.12, 0), (0.8, height))),
        Part(ring((-0.42, 0), (0.2, 0.34), 0.07, -70, 70), Tone.ACCENT),
        Part(ring((-0.1, 0), (0.2, 0.34), 0.07, -70, 70), Tone.ACCENT),
        Part(disc(-0.6, -0.1, 0.13), Tone.LIGHT),
        Part(disc(-0.62, -0.1, 0.07), Tone.DARK),
    ]


def _flower(rng: Random) -> list[Part]:
    count, first = rng.randint(5, 7), rng.uniform(0, 72)
    parts = [
        Part(box(-0.06, -0.3, 0.06, 1.0), Tone.DARK),
        Part(arc((0.28, 0.66), (0.3, 0.13), tilt=-35), Tone.DARK),
        Part(arc((-0.28, 0.76), (0.3, 0.13), tilt=35), Tone.DARK),
    ]
    for number in range(count):
        angle = first + 360 * number / count
        petal = turned(arc((0.36, 0), (0.27, 0.2)), angle) + np.array([0, -0.38])
        parts.append(Part(petal))
    return [*parts, Part(disc(0, -0.38, 0.22), Tone.ACCENT)]


def _house(rng: Random) -> list[Part]:
    half, roof = rng.uniform(0.6, 0.72), rng.uniform(-0.95, -0.8)
    door = rng.choice([-0.34, 0.0, 0.34])
    parts = [
        Part(box(0.34, roof + 0.05, 0.52, 0), Tone.DARK),
        Part(box(-half, -0.2, half, 0.8)),
        Part(polygon((-half - 0.2, -0.12), (0, roof), (half + 0.2, -0.12)), Tone.ACCENT),
        Part(box(door - 0.13, 0.3, door + 0.13, 0.8), Tone.DARK),
    ]
    panes = [x for x in (-0.36, 0.0, 0.36) if abs(x - door) > 0.3]
    return [*parts, *(Part(box(x - 0.14, 0.08, x + 0.14, 0.38), Tone.LIGHT) for x in panes)]


def _mushroom(rng: Random) -> list[Part]:
    cap, foot = rng.uniform(0.75, 0.92), rng.uniform(0.26, 0.36)
    return [
        Part(polygon((-0.2, -0.1), (0.2, -0.1), (foot, 0.85), (-foot, 0.85)), Tone.LIGHT),
        Part(arc((0, 0.85), (foot, 0.09)), Tone.LIGHT),
        Part(arc((0, 0.02), (0.85, cap), 180, 360)),
        Part(arc((0, 0.02), (0.85, 0.14))),
        Part(disc(-0.42, -0.28, 0.15), Tone.ACCENT),
        Part(disc(0.08, -0.52, 0.17), Tone.ACCENT),
        Part(disc(0.5, -0.2, 0.13), Tone.ACCENT),
        Part(arc((0, 0.05), (0.3, 0.07)), Tone.DARK),
    ]


def _rocket(rng: Random) -> list[Part]:
    width, flame = rng.uniform(0.3, 0.38), rng.uniform(0.95, 1.1)
    return [
        Part(polygon((-0.2, 0.55), (0, flame), (0.2, 0.55)), Tone.LIGHT),
        Part(polygon((-0.2, 0.1), (-0.68, 0.5), (-0.62, 0.75), (-0.2, 0.55)), Tone.ACCENT),
        Part(polygon((0.2, 0.1), (0.68, 0.5), (0.62, 0.75), (0.2, 0.55)), Tone.ACCENT),
        Part(polygon((-0.24, 0.62), (-width, 0), (-width * 0.8, -0.4), (0, -1.0),
                     (width * 0.8, -0.4), (width, 0), (0.24, 0.62))),
        Part(polygon((-width * 0.72, -0.48), (0, -1.0), (width * 0.72, -0.48)), Tone.ACCENT),
        Part(disc(0, -0.12, 0.2), Tone.DARK),
        Part(disc(0, -0.12, 0.13), Tone.LIGHT),
    ]  # fmt: skip


def _star(rng: Random) -> list[Part]:
    inner = rng.uniform(0.4, 0.5)
    tips = [turned(polygon((0, -radius)), 36 * i)[0] for i, radius in enumerate([1, inner] * 5)]
    facets = [np.stack([np.zeros(2), tips[i], tips[i + 1]]) for i in range(0, 10, 2)]
    return [Part(np.stack(tips)), *(Part(facet, Tone.ACCENT) for facet in facets)]


def _tree(rng: Random) -> list[Part]:
    width, top = rng.uniform(0.6, 0.75), rng.uniform(-1.05, -0.95)
    parts = [Part(box(-0.12, 0.5, 0.12, 0.98), Tone.DARK)]
    for number, tone in enumerate((Tone.MAIN, Tone.ACCENT, Tone.MAIN)):
        low, half = 0.62 - 0.45 * number, width * (1 - 0.22 * number)
        high = max(top, low - 0.85)
        parts.append(Part(polygon((-half, low), (0, high), (half, low)), tone))
    return parts


SHAPES: dict[str, Callable[[Random], list[Part]]] = {
    "boat": _boat,
    "butterfly": _butterfly,
    "car": _car,
    "cat": _cat,
    "cup": _cup,
    "fish": _fish,
    "flower": _flower,
    "house": _house,
    "mushroom": _mushroom,
    "rocket": _rocket,
    "star": _star,
    "tree": _tree,
}
"""Class → function that returns a random shape of it."""
