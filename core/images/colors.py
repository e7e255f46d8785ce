"""Colors of decoded images: any mode and color profile to 8-bit sRGB, transparency over white."""

from functools import lru_cache
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms

SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab"}
"""Pillow's mode → color space of the profiles that fit it, as ICC profiles name it."""

SAME_COLOR = 2
"""Largest difference of 8-bit levels in a profile that is treated as sRGB."""

PROFILE_FAILURES = (ImageCms.PyCMSError, OSError, ValueError, TypeError, KeyError)
"""Exceptions of ImageCms for broken profiles."""

AVERAGED = ("L", "RGB", "CMYK", "YCbCr", "LAB")
"""Modes whose pixels can be averaged as they are: without palette and transparency."""

STRIP_PIXELS = 4_000_000
"""Pixels that are converted at once: 50 MB with copies."""


def to_rgb(image: Image.Image) -> Image.Image:
    """Return a decoded image in RGB: sRGB if it has a usable color profile."""
    profile = image.info.get("icc_profile")
    if image.mode in SPACES and not image.has_transparency_data:
        return _to_srgb(image, profile)
    return _to_srgb(_flat(image), profile)


def reduced(image: Image.Image, divisor: int) -> Image.Image:
    """Return a decoded image with width and height divided by `divisor`, rounded up.

    A mode of `AVERAGED` stays; others become RGB, converted in strips: a copy of a large image
    would take a gigabyte.
    """
    if image.mode in AVERAGED and not image.has_transparency_data:
        small = Image.Image.reduce(image, divisor)  # JPEG 2000's class has another `reduce`
    elif _is_deep(image):
        small = _deep_gray(image).reduce(divisor)  # As a whole, because it is stretched
    else:
        size = (-(-image.width // divisor), -(-image.height // divisor))
        small = Image.new("RGB", size)
        height = divisor * max(1, STRIP_PIXELS // (image.width * divisor))
        for top in range(0, image.height, height):
            strip = image.crop((0, top, image.width, min(top + height, image.height)))
            small.paste(_flat(strip).reduce(divisor), (0, top // divisor))
    small.info = {key: image.info[key] for key in ("icc_profile",) if key in image.info}
    return small


def _flat(image: Image.Image) -> Image.Image:
    """Return an image in RGB without regard to its profile, transparent parts over white."""
    if _is_deep(image):
        return _deep_gray(image).convert("RGB")
    if image.mode == "La":  # Premultiplied; Pillow converts it to LA only
        image = image.convert("LA")
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    flattened = Image.new("RGB", image.size, "white")
    flattened.paste(layer, mask=layer)
    return flattened


def _is_deep(image: Image.Image) -> bool:
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _to_srgb(image: Image.Image, profile: Any) -> Image.Image:
    """Convert an image of a mode in `SPACES` by its profile; a broken one is ignored."""
    if isinstance(profile, bytes) and (transform := _transform(profile, image.mode)):
        try:
            converted = ImageCms.applyTransform(image, transform)
        except PROFILE_FAILURES:
            converted = None
        if converted is not None:
            return converted
    return image.convert("RGB")


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from a profile to sRGB; None if it is broken, or is sRGB itself."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        if source.profile.xcolor_space.strip() != SPACES[mode]:
            return None
        target = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, target, mode, "RGB")
        probe = _probe(mode)
        converted = ImageCms.applyTransform(probe, transform)
    except PROFILE_FAILURES:
        return None
    if mode not in ("RGB", "L") or converted is None:
        return transform
    before, after = (np.asarray(each, np.int16) for each in (probe.convert("RGB"), converted))
    return transform if np.abs(after - before).max() > SAME_COLOR else None


def _probe(mode: str) -> Image.Image:
    """Return an image of 6 × 6 × 6 colors, or as many grays."""
    levels = np.stack(np.meshgrid(*[np.arange(0, 256, 51)] * 3), axis=-1).reshape(1, -1, 3)
    return Image.fromarray(levels.astype(np.uint8)).convert(mode)


def _deep_gray(image: Image.Image) -> Image.Image:
    """Scale gray levels of 12, 16 or 32 bits to 8 bits; Pillow's own conversion clips at 255.

    Unsigned 12 and 16 bits and floats in 0..1 keep their full range; others are stretched from the
    smallest to the largest value, because their white level is unknown.
    """
    tags = getattr(image, "tag_v2", {})
    levels = np.asarray(image)  # (H, W), uint16, int32 or float32
    if image.mode == "I" and tags.get(ExifTags.Base.SampleFormat, (1,)) == (1,):
        levels = levels.view(np.uint32)
    if levels.dtype.itemsize == 2:
        low, high = 0.0, 2.0 ** tags.get(ExifTags.Base.BitsPerSample, (16,))[0] - 1
    else:
        low, high = _range(levels, usual=1.0 if image.mode == "F" else 65535.0)
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:  # "white is zero"
        low, high = high, low
    gray = levels.astype(np.float32)
    with np.errstate(all="ignore"):  # In place: copies of 65 million pixels would take 1.5 GB
        gray -= low
        gray *= 255 / (high - low) if high != low else 0
        np.nan_to_num(gray, copy=False, nan=0, posinf=255, neginf=0)
    np.rint(gray.clip(0, 255, out=gray), out=gray)
    return Image.fromarray(gray.astype(np.uint8))


def _range(levels: npt.NDArray[Any], usual: float) -> tuple[float, float]:
    """Return the black and white levels: 0 and `usual` if all values fit, else the extremes."""
    finite = np.isfinite(levels)
    if not finite.any():
        return 0.0, usual
    least, greatest = (float(extreme(levels[finite])) for extreme in (np.min, np.max))
    return (0.0, usual) if least >= 0 and greatest <= usual else (least, greatest)
