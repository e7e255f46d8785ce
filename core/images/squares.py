"""Squares: images scaled to the input size of a network.

Shapes, in this file: S pixels a side.
"""

from PIL import Image

INTERPOLATIONS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
"""Ways to resample an image."""

CROP, SQUASH = FITS = ("crop", "squash")
"""Scale the short side and crop the center, or scale both sides and change the aspect ratio."""


def square_image(image: Image.Image, side: int, interpolation: str, fit: str) -> Image.Image:
    """Scale an RGB image to a square.

    Args:
        image: The image.
        side: S.
        interpolation: A key of `INTERPOLATIONS`.
        fit: One of `FITS`.

    Returns:
        An RGB image of S × S pixels.
    """
    how = INTERPOLATIONS[interpolation]
    if fit == SQUASH:
        return image.resize((side, side), how)
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    left, top = (width - side) // 2, (height - side) // 2
    # Resample only the crop
    box = (left / scale, top / scale, (left + side) / scale, (top + side) / scale)
    box = (box[0], box[1], min(box[2], image.width), min(box[3], image.height))
    return image.resize((side, side), how, box=box)
