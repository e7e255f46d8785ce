"""The part of a query that is searched by: 16 x 16 pixels of four solid quadrants, R G over B W."""

from io import BytesIO
from math import cos, nan, radians, sin
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.errors import UnreadableImageError, WorkbenchError
from core.images.cropping import WHOLE, Crop, crop_image, open_cropped
from core.models.batches import load_square
from core.models.preprocessing import Preprocessing

INPUT = Preprocessing(image_size=32)

R, G, B, W = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
LETTERS = {R: "R", G: "G", B: "B", W: "W"}


def quadrants() -> Image.Image:
    image = Image.new("RGB", (16, 16), R)
    image.paste(G, (8, 0, 16, 8))
    image.paste(B, (0, 8, 8, 16))
    image.paste(W, (8, 8, 16, 16))
    return image


def corners(image: Image.Image) -> str:
    """The letters of the four corners, as one reads: RG BW is upright."""
    x, y = image.width - 1, image.height - 1
    pixels: list[Any] = [image.getpixel(at) for at in ((0, 0), (x, 0), (0, y), (x, y))]
    letters = "".join(LETTERS[pixel] for pixel in pixels)
    return f"{letters[:2]} {letters[2:]}"


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> BytesIO:
    file = BytesIO()
    image.save(file, format, **options)
    return file


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def test_the_default_crop_is_the_unchanged_image() -> None:
    image = quadrants()
    assert crop_image(image, Crop()) is image
    assert Crop().is_whole
    assert Crop().key == ""


@pytest.mark.parametrize(
    ("edges", "letter"),
    [
        ({"right": 0.5, "bottom": 0.5}, "R"),
        ({"left": 0.5, "bottom": 0.5}, "G"),
        ({"right": 0.5, "top": 0.5}, "B"),
        ({"left": 0.5, "top": 0.5}, "W"),
    ],
)
def test_each_quadrant_is_cropped_to_the_pixel(edges: dict[str, float], letter: str) -> None:
    part = crop_image(quadrants(), Crop(**edges))  # type: ignore[arg-type]
    assert part.size == (8, 8)
    assert {LETTERS[color] for _, color in part.getcolors()} == {letter}  # type: ignore[index, union-attr]


def test_edges_are_rounded_to_the_nearest_pixel() -> None:
    crop = Crop(left=0.16, right=0.72, bottom=0.5)  # 2.56 to 11.52 of 16
    assert crop_image(quadrants(), crop).size == (9, 8)
    assert crop.size_within(16, 16) == (9, 8)
    assert crop.size_within(1600, 1600) == (896, 800)


@pytest.mark.parametrize(
    ("turns", "seen"), [(0, "RG BW"), (1, "BR WG"), (2, "WB GR"), (3, "GW RB")]
)
def test_quarter_turns_are_clockwise(turns: int, seen: str) -> None:
    assert corners(crop_image(quadrants(), Crop(turns=turns))) == seen


def test_edges_refer_to_the_image_after_its_quarter_turns() -> None:
    wide = Image.new("RGB", (40, 16), R)
    wide.paste(B, (20, 0, 40, 16))  # turned clockwise, the right half lies below
    part = crop_image(wide, Crop(top=0.5, turns=1))
    assert part.size == (16, 20)
    assert part.getcolors() == [(320, B)]
    assert Crop(top=0.5, turns=1).size_within(40, 16) == (16, 20)


@pytest.mark.parametrize("angle", [-45, -30, -1, 0.5, 10, 45])
@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("size", [(64, 64), (97, 40), (60, 200)])
def test_an_angle_leaves_no_corner_empty(size: tuple[int, int], turns: int, angle: float) -> None:
    image = Image.new("RGB", size, W)
    crop = Crop(turns=turns, angle=angle)
    part = crop_image(image, crop)
    assert part.getcolors() == [(part.width * part.height, W)]
    assert part.size == crop.size_within(*size)


def test_an_angle_keeps_the_center_and_enlarges_no_more_than_needed() -> None:
    # cos 45° + sin 45° = 1.4142: of 100 pixels 70.7 are left, from 14.6 to 85.4
    assert Crop(angle=45).size_within(100, 100) == (70, 70)
    # cos 30° + 2 sin 30° = 1.8660
    assert Crop(angle=-30).size_within(200, 100) == (108, 54)


@pytest.mark.parametrize(("angle", "above", "below"), [(20, R, B), (-20, B, R)])
def test_an_angle_is_clockwise(
    angle: float, above: tuple[int, ...], below: tuple[int, ...]
) -> None:
    halves = Image.new("RGB", (100, 100), R)
    halves.paste(B, (50, 0, 100, 100))  # clockwise, their border leans to the right above
    part = crop_image(halves, Crop(angle=angle))
    middle = part.width // 2
    assert part.getpixel((middle, 2)) == above
    assert part.getpixel((middle, part.height - 3)) == below


@pytest.mark.parametrize("angle", [-33, 7.5])
def test_a_rotated_crop_equals_that_part_of_the_rotated_image(angle: float) -> None:
    photo = noise(300, 200).resize((600, 400), Image.Resampling.BICUBIC)
    part = crop_image(photo, Crop(left=0.2, top=0.5, right=0.6, bottom=0.9, turns=1, angle=angle))
    tilt = radians(abs(angle))
    zoom = cos(tilt) + 1.5 * sin(tilt)  # of 400 x 600 the middle 400 / zoom x 600 / zoom are left
    left, right = (round(200 + (edge - 0.5) * 400 / zoom) for edge in (0.2, 0.6))
    top, bottom = (round(300 + (edge - 0.5) * 600 / zoom) for edge in (0.5, 0.9))
    upright = photo.transpose(Image.Transpose.ROTATE_270)
    by_pillow = upright.rotate(-angle, Image.Resampling.BICUBIC).crop((left, top, right, bottom))
    assert part.size == by_pillow.size
    assert np.abs(np.asarray(part, int) - np.asarray(by_pillow, int)).max() <= 1


def test_a_crop_of_three_pixels_is_refused() -> None:
    with pytest.raises(WorkbenchError) as caught:
        crop_image(quadrants(), Crop(right=3 / 16))
    problem, advice = caught.value.problem, caught.value.advice
    assert problem == "The crop is 3 × 16 pixels, which is too small."
    assert advice == "Select at least 8 × 8 pixels."
    assert crop_image(quadrants(), Crop(right=8 / 16)).size == (8, 16)
    with pytest.raises(WorkbenchError, match="is 16 × 7 pixels"):
        open_cropped(encoded(quadrants()), Crop(bottom=7 / 16))


def test_a_small_image_can_be_rotated() -> None:
    tiny = Image.new("RGB", (5, 3), R)
    assert crop_image(tiny, Crop(turns=1)).size == (3, 5)
    assert crop_image(tiny, Crop(right=0.8)).size == (4, 3)
    with pytest.raises(WorkbenchError, match="is 1 × 3 pixels"):
        crop_image(tiny, Crop(right=0.2))


@pytest.mark.parametrize(
    "fields",
    [
        *({"left": -0.1}, {"right": 1.1}, {"left": 0.5, "right": 0.5}, {"top": 0.9, "bottom": 0.1}),
        *({"left": nan}, {"bottom": nan}, {"turns": 4}, {"turns": -1}, {"angle": 46}),
        *({"angle": nan}, {"angle": float("inf")}),
    ],
)
def test_an_invalid_crop_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        Crop(**fields)


def test_different_crops_have_different_keys() -> None:
    crops = [Crop(), Crop(left=0.5), Crop(top=0.5), Crop(turns=2), Crop(angle=2), Crop(angle=-2)]
    assert len({crop.key for crop in crops}) == len(crops)
    assert Crop(left=0.5).key == Crop(left=1 / 2, right=1).key


@pytest.mark.parametrize("size", [(640, 480), (61, 200), (30, 40)])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_the_network_input_of_the_default_crop_is_that_without_a_crop(
    size: tuple[int, int], format: str
) -> None:
    file = encoded(noise(*size), format)
    pixels = load_square(file, INPUT, crop=WHOLE)
    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels, load_square(file, INPUT))


def test_the_network_input_is_the_crop() -> None:
    pixels = load_square(encoded(quadrants()), INPUT, crop=Crop(left=0.5, bottom=0.5))
    assert pixels.shape == (3, 32, 32)
    assert pixels.reshape(3, -1).T.tolist() == [list(G)] * 32 * 32


def test_a_small_crop_of_a_large_jpeg_has_full_detail() -> None:
    photo = noise(1600, 1200)
    file = encoded(photo, "JPEG", quality=95)
    eighth = Crop(left=0.25, top=0.25, right=0.375, bottom=0.375)
    assert open_cropped(file, eighth, min_side=150).size == (200, 150)  # 1200 / 8 = 150
    assert open_cropped(file, WHOLE, min_side=150).size == (200, 150)  # decoded at an eighth
    whole = load_square(encoded(open_cropped(file, eighth)), Preprocessing(image_size=150))
    assert np.array_equal(load_square(file, Preprocessing(image_size=150), crop=eighth), whole)


@pytest.mark.parametrize("min_side", [1, 17, 60, 100, 149])
@pytest.mark.parametrize(
    "crop",
    [
        *(Crop(left=0.3, right=0.8), Crop(top=0.1, bottom=0.33, turns=1)),
        *(Crop(angle=12), Crop(left=0.2, angle=-40, turns=3), Crop(right=0.9991)),
    ],
    ids=str,
)
def test_a_decoded_crop_is_no_smaller_than_needed(crop: Crop, min_side: int) -> None:
    file = encoded(Image.new("RGB", (1600, 1203), R), "JPEG")
    full, small = open_cropped(file, crop), open_cropped(file, crop, min_side=min_side)
    assert min(small.size) >= min(min_side, *full.size)
    assert small.width / small.height == pytest.approx(full.width / full.height, rel=0.1)


def test_a_large_jpeg_is_decoded_at_a_reduced_size_if_enough() -> None:
    file = encoded(Image.new("RGB", (1600, 1200), R), "JPEG")
    assert open_cropped(file, Crop(right=0.5), min_side=32).size == (100, 150)


def test_a_crop_is_of_the_upright_image() -> None:
    exif = Image.Exif()
    exif[274] = 6  # to be turned clockwise: BR WG
    file = encoded(quadrants().resize((160, 160)), "PNG", exif=exif)
    assert open_cropped(file, Crop(right=0.5, bottom=0.5)).getpixel((20, 20)) == B


def test_an_error_names_a_file_that_is_not_an_image(tmp_path: Path) -> None:
    path = tmp_path / "odd.jpg"
    path.write_bytes(b"hello")
    with pytest.raises(UnreadableImageError, match=r"^odd.jpg is not an image"):
        load_square(path, INPUT, crop=Crop(right=0.5))
    with pytest.raises(UnreadableImageError, match=r"^mine is not an image"):
        load_square(path, INPUT, crop=Crop(right=0.5), name="mine")
