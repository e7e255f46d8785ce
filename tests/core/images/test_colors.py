"""Color profiles: the colors that a color-managed viewer shows."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from core.images.decoding import open_image
from tests.factories.color_profiles import (
    ADOBE_GAMMA,
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    green_magenta_profile,
    rgb_profile,
)

P3 = rgb_profile(DISPLAY_P3)
ADOBE = rgb_profile(ADOBE_RGB, ADOBE_GAMMA)
LOSSLESS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 100, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "HEIF": {"quality": -1, "chroma": 444},
}


def encoded(image: Image.Image, format: str, **options: Any) -> BytesIO:
    file = BytesIO()
    image.save(file, format, **options)
    return file


def color_of(file: BytesIO) -> tuple[int, ...]:
    pixel = open_image(file).getpixel((3, 3))
    assert isinstance(pixel, tuple)
    return tuple(map(int, pixel))


def in_srgb(linear: NDArray[np.float64], primaries: NDArray[np.float64]) -> NDArray[np.float64]:
    """The textbook way: primaries to XYZ, to sRGB's primaries, through sRGB's curve."""
    values = np.clip(np.linalg.inv(SRGB) @ primaries @ linear, 0, 1)
    curved = np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)
    return np.asarray(255 * curved)


@pytest.mark.parametrize("format", LOSSLESS)
def test_the_red_of_srgb_in_display_p3_is_shown_as_red(format: str) -> None:
    image = Image.new("RGB", (16, 16), (234, 51, 35))  # sRGB's red, in P3's coordinates
    with_profile = encoded(image, format, icc_profile=P3, **LOSSLESS[format])
    assert color_of(with_profile) == pytest.approx((255, 0, 0), abs=6)
    assert color_of(encoded(image, format, **LOSSLESS[format])) == pytest.approx(
        (234, 51, 35), abs=3
    )


@pytest.mark.parametrize("color", [(200, 100, 50), (40, 180, 90), (128, 128, 128)])
def test_adobe_rgb_is_converted_as_by_hand(color: tuple[int, int, int]) -> None:
    image = Image.new("RGB", (8, 8), color)
    expected = in_srgb((np.array(color) / 255) ** ADOBE_GAMMA, ADOBE_RGB)
    assert color_of(encoded(image, "PNG", icc_profile=ADOBE)) == pytest.approx(expected, abs=2)


@pytest.mark.parametrize("format", ["TIFF", "JPEG"])
def test_the_inks_of_cmyk_are_those_of_its_profile(format: str) -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 0, 0))
    red, green, blue = color_of(encoded(image, format, icc_profile=green_magenta_profile()))
    assert green > 110
    assert max(red, blue) < 40
    assert color_of(encoded(image, format)) == pytest.approx((255, 0, 255), abs=3)


def test_transparent_and_palette_images_are_converted_over_white() -> None:
    clear = Image.new("RGBA", (8, 8), (234, 51, 35, 0))
    solid = Image.new("RGBA", (8, 8), (234, 51, 35, 255))
    palette = Image.new("RGB", (8, 8), (234, 51, 35)).quantize(2)
    assert color_of(encoded(clear, "PNG", icc_profile=P3)) == (255, 255, 255)
    assert color_of(encoded(solid, "PNG", icc_profile=P3)) == pytest.approx((255, 0, 0), abs=6)
    assert color_of(encoded(palette, "PNG", icc_profile=P3)) == pytest.approx((255, 0, 0), abs=6)


def test_an_srgb_profile_leaves_every_pixel_as_it_is() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (own, rgb_profile(SRGB)):
        decoded = open_image(encoded(Image.fromarray(noise), "PNG", icc_profile=profile))
        np.testing.assert_array_equal(np.asarray(decoded), noise)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(b"no profile", id="text"),
        pytest.param(P3[:200], id="cut"),
        pytest.param(P3[:128] + bytes(len(P3) - 128), id="no tags"),
        pytest.param(green_magenta_profile(), id="of another color space"),
    ],
)
def test_a_profile_that_is_broken_or_does_not_fit_is_ignored(profile: bytes) -> None:
    image = Image.new("RGB", (8, 8), (200, 100, 50))
    assert color_of(encoded(image, "PNG", icc_profile=profile)) == (200, 100, 50)
