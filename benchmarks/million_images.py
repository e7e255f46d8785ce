"""A million small JPEGs of noise in 200 classes.

They show 4,096 pictures, each file with other bytes, but for one percent of exact copies.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

NUM_CLASSES = 200
NUM_PICTURES = 4096
COPIED = 100
"""One file of so many is an exact copy of another."""


def write_images(root: Path, count: int) -> None:
    """Write `count` small JPEGs, the same in every run."""
    pictures = [_picture(number) for number in range(NUM_PICTURES)]
    for number in range(NUM_CLASSES):
        (root / f"class_{number:03}").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        content = number if number % COPIED else number - number % (10 * COPIED)
        path = root / f"class_{number % NUM_CLASSES:03}" / f"{number:07}.jpg"
        # Bytes after the end of a JPEG are ignored
        path.write_bytes(pictures[content % NUM_PICTURES] + content.to_bytes(8, "little"))


def _picture(seed: int) -> bytes:
    draw = np.random.default_rng(seed)
    height, width = draw.integers(24, 96, 2).tolist()
    pixels = draw.integers(0, 255, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).resize((width, height)).save(file, "JPEG", quality=70)
    return file.getvalue()
