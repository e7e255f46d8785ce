"""A dataset that the app draws itself: no network, no fonts, the same pictures on every machine.

Only the shape tells the category: colours, backgrounds, clutter, place and size are drawn from
the same distributions for all. S, in this file: pixels a side.
"""

import colorsys
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from core.datasets.shapes import SHAPES, Part, Points, Tone, mirrored, turned
from core.progress import Progress, Work

CATEGORIES: tuple[str, ...] = tuple(SHAPES)
"""The names of the things drawn, in alphabetical order."""

SUPERSAMPLING = 3
"""Everything is drawn this much larger and reduced, so that edges are smooth."""


SHARES = (0.13, 0.205)
"""Range of the object's share of the picture; its edge adds 0.02, what lies in front hides some."""

LARGEST_TILT = 25.0
"""Degrees, to either side."""

MOST_COVERED = 0.12
"""Share of the object that things in front may hide."""

Colour: TypeAlias = tuple[int, int, int]
Plane: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture and where its object is."""

    image: Image.Image
    """(S, S) RGB."""

    mask: Image.Image
    """(S, S) mode L: 255 where the object is seen, else 0."""


def draw(category: str, number: int, *, seed: int = 0, size: int = 128) -> Drawing:
    """Draw one picture of a category.

    Args:
        category: One of `CATEGORIES`.
        number: Which picture; the same one looks the same every time.
        seed: Fixes the whole dataset.
        size: Side of the picture in pixels.
    """
    rng = Random(f"{seed}/{category}/{number}")
    background = _background(rng, size)
    light = bool(np.asarray(background).mean() > 127)
    _scatter(rng, background, rng.randint(4, 8), (0.05, 0.22))
    parts = _placed(rng, SHAPES[category](rng), size)
    thing = _painted(parts, _palette(rng, light), light, size)
    _cast_shadow(background, thing)
    background.paste(thing, mask=thing)
    visible = np.asarray(thing.getchannel("A")) >= 128
    visible = _cover(rng, background, visible)
    return Drawing(background, Image.fromarray(visible.astype(np.uint8) * 255))


def draw_dataset(
    folder: Path, *, per_category: int = 60, seed: int = 0, size: int = 128
) -> Work[int]:
    """Write every category's pictures and masks as PNG files.

    They are `images/<category>/NNN.png` and `masks/<category>/NNN.png` under the folder.

    Returns:
        How many pictures were drawn.
    """
    total = len(CATEGORIES) * per_category
    for done in range(total):
        category, number = CATEGORIES[done // per_category], done % per_category
        yield Progress(done, total, "drawing")
        drawing = draw(category, number, seed=seed, size=size)
        for kind, picture in (("images", drawing.image), ("masks", drawing.mask)):
            path = folder / kind / category / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
    yield Progress(total, total, "drawing")
    return total


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def _palette(rng: Random, on_light: bool) -> dict[Tone, Colour]:
    """Choose strong colours, darker on a light background and brighter on a dark one."""
    hue = rng.random()
    other = hue + rng.choice([-1, 1]) * rng.uniform(0.12, 0.5)
    low, high = (0.6, 0.85) if on_light else (0.85, 1.0)
    return {
        Tone.MAIN: _colour(hue, rng.uniform(0.65, 0.95), rng.uniform(low, high)),
        Tone.ACCENT: _colour(other, rng.uniform(0.6, 0.9), rng.uniform(low, high)),
        Tone.DARK: _colour(hue + 0.05, 0.6, rng.uniform(0.25, 0.4)),
        Tone.LIGHT: _colour(other, rng.uniform(0.05, 0.2), rng.uniform(0.94, 1.0)),
    }


def _slope(rng: Random, x: Plane, y: Plane) -> Plane:
    angle = rng.uniform(0, math.tau)
    return 0.5 + 0.5 * ((x - 0.5) * math.cos(angle) + (y - 0.5) * math.sin(angle)) / 0.7


def _glow(rng: Random, x: Plane, y: Plane) -> Plane:
    return np.hypot(x - rng.uniform(0.2, 0.8), y - rng.uniform(0.2, 0.8)) / 0.9


def _stripes(rng: Random, x: Plane, y: Plane) -> Plane:
    waves = np.sin(_slope(rng, x, y) * rng.uniform(30, 70))
    return 0.5 + 0.3 * np.clip(waves * 3, -1, 1)


def _dots(rng: Random, x: Plane, y: Plane) -> Plane:
    angle, pace = rng.uniform(0, math.tau), rng.uniform(25, 55)
    across = x * math.cos(angle) + y * math.sin(angle)
    along = y * math.cos(angle) - x * math.sin(angle)
    return 0.5 + 0.35 * np.clip((np.sin(across * pace) * np.sin(along * pace) - 0.4) * 6, -1, 1)


def _hills(rng: Random, x: Plane, y: Plane) -> Plane:
    field = 0.25 * y
    for level in (0.45, 0.7):
        phase, pace = rng.uniform(0, math.tau), rng.uniform(3, 7)
        ridge = level + rng.uniform(-0.08, 0.08) + 0.06 * np.sin(x * pace + phase)
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
"""Each returns an (S, S) field in about [0, 1], to mix two colours by."""


def _background(rng: Random, size: int) -> Image.Image:
    y, x = np.mgrid[0:size, 0:size] / size
    hue, light = rng.random(), rng.random() < 0.6
    low, high = (0.78, 0.97) if light else (0.22, 0.42)
    ends = [
        np.array(_colour(hue + rng.uniform(-0.08, 0.08), rng.uniform(0.1, 0.4), value))
        for value in (rng.uniform(low, high), rng.uniform(low, high))
    ]
    field = np.clip(rng.choice(TEXTURES)(rng, x, y), 0, 1)[..., None]
    grain = np.frombuffer(rng.randbytes(size * size), np.uint8).reshape(size, size, 1)
    mixed = ends[0] * (1 - field) + ends[1] * field + (grain / 255 - 0.5) * rng.uniform(4, 24)
    return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))


def _placed(rng: Random, parts: list[Part], size: int) -> list[Part]:
    """Mirror, stretch and tilt an object, and put it where all of it is in the picture.

    Returns:
        The parts with points in pixels.
    """
    flip, tilt = rng.random() < 0.5, rng.uniform(-LARGEST_TILT, LARGEST_TILT)
    stretch = np.array([rng.uniform(0.92, 1.08), 1.0])
    moved = [turned((mirrored(p.points) if flip else p.points) * stretch, tilt) for p in parts]
    corners = np.concatenate(moved)
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = size / 32
    unit = (size - 2 * margin) / (high - low).max()
    scale = min(math.sqrt(rng.uniform(*SHARES) / _area(moved)) * size, unit)
    room = size - 2 * margin - (high - low) * scale
    corner = margin + room * np.array([rng.random(), rng.random()])
    return [
        Part((points - low) * scale + corner, part.tone)
        for points, part in zip(moved, parts, strict=True)
    ]


def _area(outlines: list[Points]) -> float:
    """Return the area that polygons cover together, in their own unit squared."""
    pixels = 48  # a unit
    canvas = Image.new("1", (4 * pixels, 4 * pixels))
    for points in outlines:
        ImageDraw.Draw(canvas).polygon(((points + 2) * pixels).ravel().tolist(), fill=1, outline=1)
    return float(np.asarray(canvas).sum() / pixels**2)


def _painted(
    parts: list[Part], palette: dict[Tone, Colour], on_light: bool, size: int
) -> Image.Image:
    """Return the object with a dark or white edge around it, RGBA of (S, S)."""
    large = size * SUPERSAMPLING
    edge = palette[Tone.DARK] if on_light else (255, 255, 255)
    canvas = Image.new("RGBA", (large, large), (*edge, 0))
    pen = ImageDraw.Draw(canvas)
    outlines = [(part.points * SUPERSAMPLING).ravel().tolist() for part in parts]
    for outline in outlines:
        pen.line(outline + outline[:4], fill=(*edge, 255), width=large // 40, joint="curve")
    for part, outline in zip(parts, outlines, strict=True):
        pen.polygon(outline, fill=(*palette[part.tone], 255))
    return canvas.reduce(SUPERSAMPLING)


def _cast_shadow(background: Image.Image, thing: Image.Image) -> None:
    size = background.width
    offset = max(1, size // 50)
    blurred = thing.getchannel("A").filter(ImageFilter.GaussianBlur(size / 50))
    shadow = blurred.point(lambda alpha: alpha * 0.35)
    background.paste((0, 0, 0), (offset, offset), shadow)


def _scatter(rng: Random, picture: Image.Image, count: int, sizes: tuple[float, float]) -> None:
    """Draw distractors onto a picture; their sizes are shares of its side."""
    for _ in range(count):
        scrap, colour = _scrap(rng, picture.width, sizes)
        picture.paste(colour, mask=scrap)


def _cover(rng: Random, picture: Image.Image, visible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Draw a few small things in front; return what is still seen of the object."""
    least = (1 - MOST_COVERED) * visible.sum()
    for _ in range(rng.randint(1, 3)):
        scrap, colour = _scrap(rng, picture.width, (0.03, 0.09))
        left = visible & (np.asarray(scrap) < 128)
        if left.sum() >= least:
            picture.paste(colour, mask=scrap)
            visible = left
    return visible


def _scrap(rng: Random, size: int, sizes: tuple[float, float]) -> tuple[Image.Image, Colour]:
    """Return where a line, a blob or a bit of some category's shape lies, (S, S) L; its colour."""
    large = size * SUPERSAMPLING
    canvas = Image.new("L", (large, large))
    pen = ImageDraw.Draw(canvas)
    x, y = rng.uniform(0, large), rng.uniform(0, large)
    radius, opacity = large * rng.uniform(*sizes), rng.randint(110, 220)
    kind = rng.choice(["line", "blob", "bit"])
    if kind == "line":
        angle = rng.uniform(0, math.tau)
        dx, dy = 2 * radius * math.cos(angle), 2 * radius * math.sin(angle)
        pen.line((x - dx, y - dy, x + dx, y + dy), fill=opacity, width=round(radius / 5) + 2)
    elif kind == "blob":
        tall = radius * rng.uniform(0.5, 1)
        pen.ellipse((x - radius, y - tall, x + radius, y + tall), fill=opacity)
    else:
        bit = rng.choice(SHAPES[rng.choice(CATEGORIES)](rng)).points
        bit = turned(bit - bit.mean(axis=0), rng.uniform(0, 360)) * radius * 1.5
        pen.polygon((bit + np.array([x, y])).ravel().tolist(), fill=opacity)
    colour = _colour(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.95))
    return canvas.reduce(SUPERSAMPLING), colour
