"""Backgrounds and distractors of the sample images, and their colors.

S, in this file: pixels a side.
"""

import colorsys
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from core.datasets.sample.shapes import SHAPES, Points, arc, box, turned

SUPERSAMPLING = 3
"""Factor by which everything is drawn larger and then reduced, for smooth edges."""

Color: TypeAlias = tuple[int, int, int]
Plane: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scrap:
    """A distractor: a line, a blob or a part of some class's shape."""

    points: Points
    """(N, 2) corners, in pixels."""

    color: Color
    opacity: int
    """0 to 255."""


def color_of(hue: float, saturation: float, value: float) -> Color:
    """Return the RGB color of a hue (modulo 1), a saturation and a value in [0, 1]."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def background(rng: Random, size: int) -> Image.Image:
    """Return an (S, S) RGB image of a muted texture with some grain."""
    y, x = np.mgrid[0:size, 0:size] / size
    hue, value = rng.random(), rng.uniform(0.68, 0.92)
    ends = [
        np.array(color_of(hue + rng.uniform(-0.08, 0.08), rng.uniform(0.1, 0.4), value + change))
        for change in (rng.uniform(-0.08, 0.08), rng.uniform(-0.08, 0.08))
    ]
    field = np.clip(rng.choice(TEXTURES)(rng, x, y), 0, 1)[..., None]
    grain = np.frombuffer(rng.randbytes(size * size), np.uint8).reshape(size, size, 1)
    mixed = ends[0] * (1 - field) + ends[1] * field + (grain / 255 - 0.5) * rng.uniform(4, 24)
    return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))


def scattered(rng: Random, image: Image.Image, count: int) -> Image.Image:
    """Return the image with `count` scraps on it."""
    large = image.resize([side * SUPERSAMPLING for side in image.size], Image.Resampling.BOX)
    pen = ImageDraw.Draw(large, "RGBA")
    for _ in range(count):
        scrap = make_scrap(rng, image.width, (0.05, 0.22))
        outline = (scrap.points * SUPERSAMPLING).ravel().tolist()
        pen.polygon(outline, fill=(*scrap.color, scrap.opacity))
    return large.reduce(SUPERSAMPLING)


def make_scrap(rng: Random, size: int, radii: tuple[float, float]) -> Scrap:
    """Return a random scrap somewhere in an (S, S) image; radii are shares of its side."""
    kind, radius = rng.choice(["line", "blob", "bit"]), size * rng.uniform(*radii)
    if kind == "line":
        outline = box(-2, -0.1, 2, 0.1)
    elif kind == "blob":
        outline = arc((0, 0), (1, rng.uniform(0.5, 1)))
    else:
        bit = rng.choice(rng.choice(list(SHAPES.values()))(rng)).points
        outline = 1.5 * (bit - bit.mean(axis=0))
    center = np.array([rng.uniform(0, size), rng.uniform(0, size)])
    points = turned(outline, rng.uniform(0, 360)) * radius + center
    color = color_of(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.5, 0.95))
    return Scrap(points, color, rng.randint(90, 200))


def _slope(rng: Random, x: Plane, y: Plane) -> Plane:
    angle = rng.uniform(0, math.tau)
    slope: Plane = 0.5 + 0.7 * ((x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle))
    return slope


def _glow(rng: Random, x: Plane, y: Plane) -> Plane:
    distance: Plane = np.hypot(x - rng.uniform(0.2, 0.8), y - rng.uniform(0.2, 0.8)) / 0.9
    return distance


def _stripes(rng: Random, x: Plane, y: Plane) -> Plane:
    waves: Plane = np.sin(_slope(rng, x, y) * rng.uniform(30, 70))
    return 0.5 + 0.3 * np.clip(waves * 3, -1, 1)


def _dots(rng: Random, x: Plane, y: Plane) -> Plane:
    angle, format_rate = rng.uniform(0, math.tau), rng.uniform(25, 55)
    across = x * math.cos(angle) + y * math.sin(angle)
    along = y * math.cos(angle) - x * math.sin(angle)
    waves: Plane = np.sin(across * format_rate) * np.sin(along * format_rate)
    return 0.5 + 0.35 * np.clip((waves - 0.4) * 6, -1, 1)


def _hills(rng: Random, x: Plane, y: Plane) -> Plane:
    field = 0.25 * y
    for level in (0.45, 0.7):
        phase, format_rate = rng.uniform(0, math.tau), rng.uniform(3, 7)
        ridge = level + rng.uniform(-0.08, 0.08) + 0.06 * np.sin(x * format_rate + phase)
        field = field + 0.37 * np.clip((y - ridge) * 60, 0, 1)
    return field


def _clouds(rng: Random, x: Plane, _: Plane) -> Plane:
    side = rng.randint(4, 10)
    coarse = Image.frombytes("L", (side, side), rng.randbytes(side * side))
    smooth = coarse.resize((x.shape[1], x.shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float64) / 255


TEXTURES: tuple[Callable[[Random, Plane, Plane], Plane], ...] = (
    *(_slope, _glow, _stripes, _dots, _hills, _clouds),
)
"""Functions that return an (S, S) field in about [0, 1], which mixes two colors."""
