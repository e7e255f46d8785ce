"""What a stranger's files look like to the rest of the app: the right pixels or one sentence."""

import os
import random
import struct
import subprocess
import sys
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from core.errors import UnreadableImageError
from core.images.decoding import EXTENSIONS, FORMATS, ImageHeader, open_image, read_header

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")

RED, BLUE, WHITE, BLACK = (255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)
ROOT = Path(__file__).parents[3]


def solid(mode: str, color: Any, size: tuple[int, int] = (4, 2)) -> Image.Image:
    return Image.new(mode, size, color)


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def tiff(bits: int, pixels: bytes, width: int, *, white: int = 1, kind: int = 1) -> bytes:
    """A little-endian TIFF of one gray row. `white`: 0 if white is zero. `kind`: 2 for signed."""
    tags = {256: width, 257: 1, 258: bits, 259: 1, 262: white, 273: 8, 277: 1}
    tags |= {278: 1, 279: len(pixels), 339: kind}
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    count = struct.pack("<H", len(tags))
    return struct.pack("<2sHI", b"II", 42, 8 + len(pixels)) + pixels + count + directory + bytes(4)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and ends where the pixels begin."""
    size = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n\0\0\0\r"
        + size
        + struct.pack(">I", zlib.crc32(size))
        + (b"\0\0\0\x0aIDAT")
    )


def webp_header(width: int, height: int) -> bytes:
    """A lossless WebP of 38 bytes, of one color and any size up to 16,384 × 16,384."""
    bits = struct.pack("<BI", 0x2F, width - 1 | (height - 1) << 14)
    body = b"VP8L" + struct.pack("<I", 18) + bits + bytes(13)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


def animation(format: str, **options: Any) -> bytes:
    second = solid("RGB", BLUE)
    return encoded(solid("RGB", RED), format, save_all=True, append_images=[second], **options)


def pixels_of(content: bytes) -> list[Sequence[int]]:
    """The first row."""
    image = open_image(BytesIO(content))
    assert image.mode == "RGB"
    return [image.getpixel((x, 0)) for x in range(image.width)]  # type: ignore[misc]


def gray(*values: int) -> list[Sequence[int]]:
    return [(value, value, value) for value in values]


def deep(values: list[float], dtype: str, format: str = "PNG") -> bytes:
    return encoded(Image.fromarray(np.array([values], dtype)), format)


PALETTE = solid("P", 1, (1, 1))
PALETTE.putpalette([*BLUE, *RED])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(encoded(solid("L", 100), "PNG"), (100, 100, 100), id="gray"),
        pytest.param(encoded(solid("1", 1), "PNG"), WHITE, id="one bit"),
        pytest.param(encoded(solid("1", 0), "TIFF", compression="group4"), BLACK, id="fax"),
        # One fifth of black or red over white: 255 - 255 / 5 = 204.
        pytest.param(encoded(solid("LA", (0, 51)), "PNG"), (204, 204, 204), id="gray with alpha"),
        pytest.param(encoded(solid("RGBA", (*RED, 51)), "PNG"), (255, 204, 204), id="alpha"),
        pytest.param(encoded(solid("RGBA", (*RED, 0)), "PNG"), WHITE, id="transparent"),
        pytest.param(encoded(solid("RGB", RED), "PNG", transparency=RED), WHITE, id="color key"),
        pytest.param(encoded(PALETTE, "PNG"), RED, id="palette"),
        pytest.param(encoded(PALETTE, "GIF", transparency=1), WHITE, id="transparent GIF"),
        pytest.param(encoded(PALETTE, "PNG", transparency=b"\xff\x33"), (255, 204, 204), id="tRNS"),
        pytest.param(encoded(solid("CMYK", (0, 255, 255, 0)), "TIFF"), RED, id="CMYK"),
        pytest.param(encoded(solid("CMYK", (0, 255, 255, 0)), "JPEG"), RED, id="Adobe's CMYK"),
        pytest.param(encoded(solid("YCbCr", (255, 128, 128)), "TIFF"), WHITE, id="YCbCr"),
        pytest.param(encoded(solid("LAB", (255, 128, 128)), "TIFF"), WHITE, id="LAB"),
        pytest.param(encoded(solid("RGB", RED), "BMP"), RED, id="BMP"),
        pytest.param(animation("GIF"), RED, id="animated GIF"),
        pytest.param(animation("WEBP", lossless=True), RED, id="animated WebP"),
        pytest.param(animation("PNG"), RED, id="animated PNG"),
        pytest.param(animation("MPO", quality=100), RED, id="MPO"),
    ],
)
def test_the_first_pixel_has_the_expected_color(
    content: bytes, expected: tuple[int, int, int]
) -> None:
    assert pixels_of(content)[0] == pytest.approx(expected, abs=2)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(deep([0, 2570, 32768, 65535], "u2"), gray(0, 10, 128, 255), id="PNG"),
        pytest.param(deep([0, 257, 65535], "u2", "TIFF"), gray(0, 1, 255), id="TIFF"),
        pytest.param(deep([0, 257, 65535], ">u2", "TIFF"), gray(0, 1, 255), id="big-endian"),
        pytest.param(deep([0, 2570, 65535], "i4", "TIFF"), gray(0, 10, 255), id="16 in 32 bits"),
        pytest.param(deep([-1e9, 0, 1e9], "i4", "TIFF"), gray(0, 128, 255), id="signed 32"),
        pytest.param(tiff(32, b"\0\0\0\0\xff\xff\xff\xff", 2), gray(0, 255), id="unsigned 32"),
        pytest.param(tiff(16, b"\x9c\xff\0\0\x64\0", 3, kind=2), gray(0, 128, 255), id="-100..100"),
        pytest.param(tiff(12, b"\xff\xf8\x00", 2), gray(255, 128), id="12 bits"),
        pytest.param(tiff(16, b"\0\0\xff\xff", 2, white=0), gray(255, 0), id="white is zero"),
        pytest.param(deep([0, 0.2, 1], "f4", "TIFF"), gray(0, 51, 255), id="0..1"),
        pytest.param(deep([0.2], "f4", "TIFF"), gray(51), id="not stretched"),
        pytest.param(deep([-1, 0, 4], "f4", "TIFF"), gray(0, 51, 255), id="-1..4"),
        pytest.param(deep([7, 7], "f4", "TIFF"), gray(0, 0), id="one value"),
        pytest.param(
            deep([np.nan, -np.inf, 0, 2, np.inf], "f4", "TIFF"), gray(0, 0, 0, 255, 255), id="nan"
        ),
        pytest.param(deep([np.nan, np.nan], "f4", "TIFF"), gray(0, 0), id="all nan"),
    ],
)
def test_deep_gray_is_scaled_and_not_clipped(content: bytes, expected: list[Sequence[int]]) -> None:
    assert pixels_of(content) == expected


UPRIGHT = {
    **{1: ((48, 32), (1, 1)), 2: ((48, 32), (46, 1)), 3: ((48, 32), (46, 30))},
    **{4: ((48, 32), (1, 30)), 5: ((32, 48), (1, 1)), 6: ((32, 48), (30, 1))},
    **{7: ((32, 48), (30, 46)), 8: ((32, 48), (1, 46))},
}
"""By orientation: the size as seen, and where the red top left corner of what is stored must go."""


def turned(format: str, orientation: int) -> BytesIO:
    stored = solid("RGB", WHITE, (48, 32))
    stored.paste(RED, (0, 0, 16, 8))
    if format == "TIFF":
        return BytesIO(encoded(stored, format, tiffinfo={274: orientation}))
    exif = Image.Exif()
    exif[274] = orientation
    return BytesIO(encoded(stored, format, exif=exif, quality=100))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_every_exif_orientation_is_applied(format: str, orientation: int) -> None:
    size, corner = UPRIGHT[orientation]
    file = turned(format, orientation)
    assert read_header(file) == ImageHeader(*size, format)
    image = open_image(file)
    assert image.size == size
    assert [image.getpixel(corner)] == [pytest.approx(RED, abs=8)]
    assert image.getpixel((size[0] // 2, size[1] // 2)) == WHITE
    assert not image.getexif()  # Or the orientation would be applied twice


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_an_invalid_orientation_is_ignored(orientation: int) -> None:
    assert open_image(turned("JPEG", orientation)).size == (48, 32)


def test_an_image_with_damaged_exif_is_read() -> None:
    content = encoded(solid("RGB", RED), "WEBP", lossless=True, exif=b"Exif\0\0rubbish")
    assert pixels_of(content)[0] == RED


@pytest.mark.parametrize(("min_side", "size"), [(100, (200, 100)), (101, (400, 200)), (900, None)])
def test_large_jpegs_are_decoded_no_smaller_than_needed(
    min_side: int, size: tuple[int, int] | None
) -> None:
    file = BytesIO(encoded(solid("RGB", RED, (1600, 800)), "JPEG"))
    assert open_image(file, min_side=min_side).size == (size or (1600, 800))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "BMP", "GIF"])
def test_a_header_is_read_without_the_pixels(format: str) -> None:
    file = BytesIO(encoded(NOISE.resize((640, 480)), format))
    assert read_header(file) == ImageHeader(640, 480, format)
    assert file.tell() < 2000


def test_an_mpo_of_a_phone_is_a_jpeg(tmp_path: Path) -> None:
    (tmp_path / "phone.jpg").write_bytes(animation("MPO"))
    assert read_header(tmp_path / "phone.jpg").format == "JPEG"
    assert ".jpg" in EXTENSIONS
    assert "JPEG" in FORMATS


def test_a_stream_stays_open_and_can_be_read_again() -> None:
    file = BytesIO(encoded(solid("RGB", RED), "GIF"))
    assert [open_image(file).size, read_header(file).width, open_image(file).size] == [
        *((4, 2), 4, (4, 2))
    ]


COPY, CONVERT = "Copy or download it again.", "Convert it to JPEG and use that."
FORMATS_ADVICE = "Use a JPEG, PNG, WebP, BMP, GIF or TIFF file."
SMALLER = "Save a smaller copy and use that."
UNREAD, MILLION = "which this app does not read.", "million pixels; at most 65 million are read."


@pytest.mark.parametrize(
    ("content", "problem", "advice"),
    [
        pytest.param(b"", "is empty.", COPY, id="empty"),
        pytest.param(b"hello", "is not an image.", FORMATS_ADVICE, id="text"),
        pytest.param(b"\0\0\0\x18ftypheic", f"is a HEIC picture, {UNREAD}", CONVERT, id="HEIC"),
        pytest.param(b"\0\0\0\x18ftypavif", f"is an AVIF picture, {UNREAD}", CONVERT, id="AVIF"),
        pytest.param(b"<?xml?>\n<svg/>", f"is an SVG drawing, {UNREAD}", CONVERT, id="SVG"),
        pytest.param(b"%PDF-1.7", f"is a PDF document, {UNREAD}", CONVERT, id="PDF"),
        pytest.param(
            encoded(solid("RGB", RED), "EPS"),
            f"is a PostScript drawing, {UNREAD}",
            CONVERT,
            id="EPS",
        ),
        pytest.param(
            *(b"\xff\xd8\xff\xe0", "is damaged, or of a rare kind that this app does not read."),
            *("Convert it to JPEG or copy it again.",),
            id="four bytes of JPEG",
        ),
        pytest.param(png_header(640, 480), "ends too early.", COPY, id="no pixels"),
        pytest.param(png_header(60_000, 60_000), f"claims 3,600 {MILLION}", SMALLER, id="bomb"),
        pytest.param(png_header(9_000, 9_000), f"claims 81 {MILLION}", SMALLER, id="81 million"),
        pytest.param(webp_header(9_434, 9_434), f"claims 89 {MILLION}", SMALLER, id="WebP"),
        pytest.param(webp_header(16_384, 16_384), f"claims 268 {MILLION}", SMALLER, id="WebP bomb"),
    ],
)
def test_each_error_has_a_problem_and_an_advice(content: bytes, problem: str, advice: str) -> None:
    with pytest.raises(UnreadableImageError) as caught:
        open_image(BytesIO(content), name="odd.jpg")
    assert (caught.value.problem, caught.value.advice) == (f"odd.jpg {problem}", advice)


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))


@pytest.mark.parametrize("format", FORMATS)
def test_a_truncated_file_is_refused(format: str) -> None:
    content = encoded(NOISE, format)
    said = "is damaged" if format == "WEBP" else "ends too early"
    with pytest.raises(UnreadableImageError, match=f"^This image {said}. {COPY}$"):
        open_image(BytesIO(content[: len(content) // 2]))


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded() -> None:
    usual = encoded(solid("RGB", RED, (1000, 1000)), "JPEG", progressive=True)
    last_scan = usual[usual.rindex(b"\xff\xda") : -2]
    hostile = BytesIO(usual[:-2] + last_scan * 2500 + usual[-2:])
    assert pixels_of(usual)[0] == pytest.approx(RED, abs=2)
    assert read_header(hostile).width == 1000
    with pytest.raises(UnreadableImageError, match="take too long to decode: it has 2,510 scans"):
        open_image(hostile)


def test_a_file_that_is_not_regular_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadableImageError, match=r"^pipe.jpg is a pipe, socket or device"):
        open_image(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadableImageError, match=r"^zero is a pipe, socket or device"):
        read_header(Path("/dev/zero"))
    with pytest.raises(UnreadableImageError, match="is a folder, not an image"):
        read_header(tmp_path)


def test_an_error_names_a_missing_or_unreachable_file(tmp_path: Path) -> None:
    gone = tmp_path / "cat \udcff.jpg"  # a name that is not UTF-8
    with pytest.raises(UnreadableImageError) as caught:
        open_image(gone)
    assert str(caught.value) == r"cat \udcff.jpg is not there any more. Scan the folder again."
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(UnreadableImageError, match=r"^loop.jpg cannot be read: .*symbolic links"):
        open_image(tmp_path / "loop.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_error_names_a_file_without_read_permission(tmp_path: Path) -> None:
    (tmp_path / "mine.png").touch(mode=0)
    with pytest.raises(UnreadableImageError, match=r"^mine.png may not be read by this program\."):
        open_image(tmp_path / "mine.png")


def test_warnings_of_pillow_are_not_printed(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png_header(10_000, 10_000))  # Pillow warns from 89 Mpx
    code = "import sys, pathlib, core.images.decoding as i; i.open_image(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path / "large.png")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "UnreadableImageError: large.png claims 100 million pixels" in done.stderr
    assert "Warning" not in done.stderr


def test_threads_get_the_same_images_and_settings_of_pillow_stay() -> None:
    files = [encoded(NOISE, format) for format in FORMATS] * 20
    with ThreadPoolExecutor(8) as pool:
        decoded = list(pool.map(lambda content: open_image(BytesIO(content)).tobytes(), files))
    assert decoded == [open_image(BytesIO(content)).tobytes() for content in files]
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert Image.MAX_IMAGE_PIXELS == 89_478_485


@pytest.mark.parametrize("format", [*FORMATS, "MPO"])
def test_damaged_bytes_give_an_image_or_an_error(format: str) -> None:
    chance, whole, refused = random.Random(format), encoded(NOISE, format), 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        del damaged[chance.choice((len(damaged), chance.randrange(len(damaged)))) :]
        try:
            assert open_image(BytesIO(damaged)).mode == "RGB"
        except UnreadableImageError:
            refused += 1
    assert refused > 50
