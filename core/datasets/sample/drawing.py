"""The sample dataset: generated without network or fonts, the same images on every machine.

Only the shape depends on the class: colors, backgrounds, clutter, position and size have the same
distributions for all classes. S, in this file: pixels a side.
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
"""Names of the classes, in alphabetical order."""

SHARES = (0.145, 0.2)
"""Range of the object's share of the image, without its edge (0.02) and what covers it."""

MAX_TILT = 18.0
"""Largest tilt in degrees, to either side."""

WANDERING = 0.95
"""Share of the space around an object in which it is placed, in [0, 1]; 0 centers it."""

MAX_COVERED = 0.1
"""Largest share of the object that is covered."""

PNG_LEVEL = 4
"""Of 9: files are a few percent larger than at Pillow's default of 6, and written faster."""

MAX_CORNERS = 10
"""Polygons with more corners are curves, whose edges need no rounded corners, the slowest step."""

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SampleImage:
    """An image and the mask of its object."""

    image: Image.Image
    """(S, S) RGB."""

    mask: Image.Image
    """(S, S) mode L: 255 where the object is visible, else 0."""


def draw(label: str, number: int, *, seed: int = 0, size: int = 128) -> SampleImage:
    """Draw an image of a class, one of `CLASSES`; equal numbers and seeds make equal images.

    `seed` is that of the whole dataset, and `size` is S, the side of the image in pixels.
    """
    rng = Random(f"{seed}/{label}/{number}")
    image = background(rng, size)
    image = scattered(rng, image, rng.randint(3, 7))
    parts = _placed(rng, SHAPES[label](rng), size)
    thing = _painted(parts, _palette(rng), size)
    _cast_shadow(image, thing)
    image.paste(thing, mask=thing)
    seen = np.asarray(thing.getchannel("A")) >= 128
    seen = _partly_covered(rng, image, seen)
    return SampleImage(image, Image.fromarray(seen.astype(np.uint8) * 255))


def draw_dataset(folder: Path, *, per_class: int = 60, seed: int = 0, size: int = 128) -> Work[int]:
    """Write the images and masks of every class as PNG files; return the number of images.

    They are `images/<class>/NNN.png` and `masks/<class>/NNN.png` under the folder.
    """
    total = len(CLASSES) * per_class
    for done in range(total):
        label, number = CLASSES[done // per_class], done % per_class
        yield Progress(done, total, "drawing")
        drawing = draw(label, number, seed=seed, size=size)
        for kind, image in (("images", drawing.image), ("masks", drawing.mask)):
            path = folder / kind / label / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.save(path, compress_level=PNG_LEVEL)
    yield Progress(total, total, "drawing")
    return total


def _palette(rng: Random) -> dict[Tone, Color]:
    """Return strong colors, which stand out from the muted background."""
    hue = rng.random()
    other = hue + rng.choice([-1, 1]) * rng.uniform(0.12, 0.5)
    return {
        Tone.MAIN: color_of(hue, rng.uniform(0.7, 1.0), rng.uniform(0.7, 1.0)),
        Tone.ACCENT: color_of(other, rng.uniform(0.6, 0.9), rng.uniform(0.7, 1.0)),
        Tone.DARK: color_of(hue + 0.05, 0.6, rng.uniform(0.2, 0.35)),
        Tone.LIGHT: color_of(other, rng.uniform(0.05, 0.2), rng.uniform(0.94, 1.0)),
    }


def _placed(rng: Random, parts: Sequence[Part], size: int) -> list[Part]:
    """Mirror, stretch and tilt an object, and place all of it in the image, in pixels."""
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
    """Return the area of the union of polygons, in their unit squared."""
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


def _cast_shadow(image: Image.Image, thing: Image.Image) -> None:
    offset = max(1, image.width // 50)
    blurred = thing.getchannel("A").filter(ImageFilter.GaussianBlur(image.width / 50))
    image.paste((0, 0, 0), (offset, offset), blurred.point(lambda alpha: alpha * 0.35))


def _partly_covered(rng: Random, image: Image.Image, seen: Mask) -> Mask:
    """Draw a few scraps in front; return the (S, S) mask of the visible part of the object."""
    least = (1 - MAX_COVERED) * seen.sum()
    side = image.width * SUPERSAMPLING
    for _ in range(rng.randint(1, 3)):
        scrap = make_scrap(rng, image.width, (0.03, 0.09))
        canvas = Image.new("L", (side, side))
        outline = (scrap.points * SUPERSAMPLING).ravel().tolist()
        ImageDraw.Draw(canvas).polygon(outline, fill=scrap.opacity)
        cover = canvas.reduce(SUPERSAMPLING)
        left = seen & (np.asarray(cover) < 64)
        if left.sum() >= least:
            image.paste(scrap.color, mask=cover)
            seen = left
    return seen
