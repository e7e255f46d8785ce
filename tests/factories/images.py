"""Small image files for tests."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 60, 220)}


def solid(colour: str, side: int = 32) -> Image.Image:
    """A square of one colour."""
    return Image.new("RGB", (side, side), COLOURS[colour])


def speckled(colour: str, seed: int, side: int = 40) -> Image.Image:
    """A square of about one colour, different for each seed."""
    noise = np.random.default_rng(seed).normal(0, 18, (side, side, 3))
    pixels = np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)


def quadrants(width: int, height: int) -> Image.Image:
    """Red and green over blue and yellow."""
    picture = Image.new("RGB", (width, height), "red")
    picture.paste("green", (width // 2, 0, width, height // 2))
    picture.paste("blue", (0, height // 2, width // 2, height))
    picture.paste("yellow", (width // 2, height // 2, width, height))
    return picture


def png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def class_folders(root: Path, **sizes: int) -> Path:
    """Write a folder of speckled pictures for each colour: class_folders(path, red=3, blue=5)."""
    for colour, size in sizes.items():
        (root / colour).mkdir(parents=True)
        for number in range(size):
            speckled(colour, seed=number).save(root / colour / f"{number:03}.png")
    return root
