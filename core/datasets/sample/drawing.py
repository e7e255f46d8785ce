"""A dataset that the app draws itself: no network, no fonts, the same pictures on every machine.

Only the shape tells the category: colors, backgrounds, clutter, place and size are drawn from
the same distributions for all. S, in this file: pixels a side.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from core.datasets.sample.backgrounds import (
    SUPERSAMPLING,
    Color,
    background,
    color_of,
    make_scrap,
    scattered,
)
from core.datasets.sample.shapes import SHAPES, Part, Points, Tone, mirrored, turned
from core.progress import Progress, Work

CLASSES: tuple[str, ...] = tuple(SHAPES)
"""The names of the things drawn, in alphabetical order."""

SHARES = (0.145, 0.2)
"""Range of the object's share of the picture; its edge adds 0.02, what lies in front hides some."""

MAX_TILT = 18.0
"""Degrees, to either side."""

WANDERING = 0.95
"""How much of the room around an object its place may use, in [0, 1]; 0 keeps it in the middle."""

MAX_COVERED = 0.1
"""Share of the object that things in front may hide."""

PNG_LEVEL = 4
"""Of 9: the files are a few per cent larger than Pillow's default of 6, and quicker to write."""

MAX_CORNERS = 10
"""A polygon of more is a curve: its edge needs no rounding at the corners, which takes longest."""

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SampleImage:
    """One picture and where its object is."""

    image: Image.Image
    """(S, S) RGB."""

    mask: Image.Image
    """(S, S) mode L: 255 where the object is seen, else 0."""


def draw(category: str, number: int, *, seed: int = 0, size: int = 128) -> SampleImage:
    """Draw one picture of a category.

    Args:
        category: One of `CLASSES`.
        number: Which picture; the same one looks the same every time.
        seed: Fixes the whole dataset.
        size: S, the side of the picture in pixels.
    """
    rng = Random(f"{seed}/{category}/{number}")
    picture = background(rng, size)
    picture = scattered(rng, picture, rng.randint(3, 7))
    parts = _placed(rng, SHAPES[category](rng), size)
    thing = _painted(parts, _palette(rng), size)
    _cast_shadow(picture, thing)
    picture.paste(thing, mask=thing)
    seen = np.asarray(thing.getchannel("A")) >= 128
    seen = _partly_covered(rng, picture, seen)
    return SampleImage(picture, Image.fromarray(seen.astype(np.uint8) * 255))


def draw_dataset(folder: Path, *, per_class: int = 60, seed: int = 0, size: int = 128) -> Work[int]:
    """Write every category's pictures and masks as PNG files.

    They are `images/<category>/NNN.png` and `masks/<category>/NNN.png` under the folder.

    Returns:
        How many pictures were drawn.
    """
    total = len(CLASSES) * per_class
    for done in range(total):
        category, number = CLASSES[done // per_class], done % per_class
        yield Progress(done, total, "drawing")
        drawing = draw(category, number, seed=seed, size=size)
        for kind, picture in (("images", drawing.image), ("masks", drawing.mask)):
            path = folder / kind / category / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path, compress_level=PNG_LEVEL)
    yield Progress(total, total, "drawing")
    return total


def _palette(rng: Random) -> dict[Tone, Color]:
    """Choose strong colors, which stand out from the muted background."""
    hue = rng.random()
    other = hue + rng.choice([-1, 1]) * rng.uniform(0.12, 0.5)
    return {
        Tone.MAIN: color_of(hue, rng.uniform(0.7, 1.0), rng.uniform(0.7, 1.0)),
        Tone.ACCENT: color_of(other, rng.uniform(0.6, 0.9), rng.uniform(0.7, 1.0)),
        Tone.DARK: color_of(hue + 0.05, 0.6, rng.uniform(0.2, 0.35)),
        Tone.LIGHT: color_of(other, rng.uniform(0.05, 0.2), rng.uniform(0.94, 1.0)),
    }


def _placed(rng: Random, parts: Sequence[Part], size: int) -> list[Part]:
    """Mirror, stretch and tilt an object, and put it where all of it is in the picture.

    Returns:
        The parts with points in pixels.
    """
    flip, tilt = rng.random() < 0.5, rng.uniform(-MAX_TILT, MAX_TILT)
    stretch = np.array([rng.uniform(0.92, 1.08), 1.0])
    moved = [turned((mirrored(p.points) if flip else p.points) * stretch, tilt) for p in parts]
    corners = np.concatenate(moved)
    low, high = corners.min(axis=0), corners.max(axis=0)
    inside = size * 15 / 16  # room for the edge that is drawn around
    largest = inside / (high - low).max()
    scale = min(math.sqrt(rng.uniform(*SHARES) / _area(moved)) * size, largest)
    room = (inside - (high - low) * scale) / 2
    away = np.array([rng.uniform(-WANDERING, WANDERING), rng.uniform(-WANDERING, WANDERING)])
    center = size / 2 + away * room
    return [
        Part((points - (low + high) / 2) * scale + center, part.tone)
        for points, part in zip(moved, parts, strict=True)
    ]


def _area(outlines: Sequence[Points]) -> float:
    """Return the area that polygons cover together, in their own unit squared."""
    unit = 48  # pixels
    canvas = Image.new("1", (4 * unit, 4 * unit))
    pen = ImageDraw.Draw(canvas)
    for points in outlines:
        pen.polygon(((points + 2) * unit).ravel().tolist(), fill=1, outline=1)
    return float(np.asarray(canvas).sum() / unit**2)


def _painted(parts: Sequence[Part], palette: dict[Tone, Color], size: int) -> Image.Image:
    """Return the object with a dark edge around it, (S, S) RGBA."""
    large = size * SUPERSAMPLING
    edge = palette[Tone.DARK]
    canvas = Image.new("RGBA", (large, large), (*edge, 0))
    pen = ImageDraw.Draw(canvas)
    outlines = [(part.points * SUPERSAMPLING).ravel().tolist() for part in parts]
    for outline in outlines:
        joint = "curve" if len(outline) <= 2 * MAX_CORNERS else None
        pen.line(outline + outline[:4], fill=(*edge, 255), width=large // 32, joint=joint)
    for part, outline in zip(parts, outlines, strict=True):
        pen.polygon(outline, fill=(*palette[part.tone], 255))
    return canvas.reduce(SUPERSAMPLING)


def _cast_shadow(picture: Image.Image, thing: Image.Image) -> None:
    offset = max(1, picture.width // 50)
    blurred = thing.getchannel("A").filter(ImageFilter.GaussianBlur(picture.width / 50))
    picture.paste((0, 0, 0), (offset, offset), blurred.point(lambda alpha: alpha * 0.35))


def _partly_covered(rng: Random, picture: Image.Image, seen: Mask) -> Mask:
    """Draw a few small things in front; return (S, S) what is still seen of the object."""
    least = (1 - MAX_COVERED) * seen.sum()
    side = picture.width * SUPERSAMPLING
    for _ in range(rng.randint(1, 3)):
        scrap = make_scrap(rng, picture.width, (0.03, 0.09))
        canvas = Image.new("L", (side, side))
        outline = (scrap.points * SUPERSAMPLING).ravel().tolist()
        ImageDraw.Draw(canvas).polygon(outline, fill=scrap.opacity)
        cover = canvas.reduce(SUPERSAMPLING)
        left = seen & (np.asarray(cover) < 64)
        if left.sum() >= least:
            picture.paste(scrap.color, mask=cover)
            seen = left
    return seen
