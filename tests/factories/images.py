"""Small image files for tests."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

COLORS = {"red": (220, 30, 30), "green": (30, 200, 40), "blue": (30, 60, 220)}


def solid(color: str, side: int = 32) -> Image.Image:
    """A square of one color."""
    return Image.new("RGB", (side, side), COLORS[color])


def speckled(color: str, seed: int, side: int = 40) -> Image.Image:
    """A square of about one color, different for each seed."""
    noise = np.random.default_rng(seed).normal(0, 18, (side, side, 3))
    pixels = np.clip(np.array(COLORS[color]) + noise, 0, 255).astype(np.uint8)
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
    """Write a folder of speckled pictures for each color: class_folders(path, red=3, blue=5)."""
    for color, size in sizes.items():
        (root / color).mkdir(parents=True)
        for number in range(size):
            speckled(color, seed=number).save(root / color / f"{number:03}.png")
    return root
