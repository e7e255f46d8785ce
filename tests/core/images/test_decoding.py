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
from core.images.decoding import ImageHeader, open_image, read_header
from core.images.formats import EXTENSIONS, FORMATS, OTHER_KINDS
from tests.factories.lossless_jpeg import lossless_jpeg

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
    if format == "HEIF":  # Written as a property of the image; readers ignore the tag
        stored.info["exif"] = exif.tobytes()
        return BytesIO(encoded(stored, format, quality=100, chroma=444))
    return BytesIO(encoded(stored, format, exif=exif, quality=100))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_every_exif_orientation_is_applied(format: str, orientation: int) -> None:
    size, corner = UPRIGHT[orientation]
    file = turned(format, orientation)
    left = 1 if format in ("TIFF", "HEIF") else orientation  # Their decoders rotate themselves
    assert read_header(file) == ImageHeader(*size, format, left)
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


RAW = "a raw file of a camera"
EXPORT = "Export it as JPEG or TIFF from a photo program, and import that."
CONVERT_OR_COPY = "Convert it to JPEG or copy it again."
COPY, CONVERT = "Copy or download it again.", "Convert it to JPEG or PNG and use that."
FORMATS_ADVICE = "Use a JPEG, PNG, WebP, HEIC, AVIF, JPEG 2000, TIFF, BMP, GIF or PPM file."
VARIANT = "is damaged, or in an unsupported variant of its format."
SMALLER = "Save a smaller copy and use that."
UNREAD, MILLION = (
    "which is not supported.",
    "megapixels; images of up to 250 megapixels are decoded.",
)
OF_WEBP = "megapixels; WebP images of up to 67 megapixels are decoded."


@pytest.mark.parametrize(
    ("content", "problem", "advice"),
    [
        pytest.param(b"", "is empty.", COPY, id="empty"),
        pytest.param(b"hello", "is not an image.", FORMATS_ADVICE, id="text"),
        pytest.param(b"\0\0\0\x18ftypheic", VARIANT, CONVERT_OR_COPY, id="four bytes of HEIC"),
        pytest.param(b"\0\0\0\x18ftypavif", VARIANT, CONVERT_OR_COPY, id="four bytes of AVIF"),
        pytest.param(
            *(b"<?xml?>\n<svg/>", f"is an SVG drawing, {UNREAD}"),
            *("Export it as PNG and use that.",),
            id="SVG",
        ),
        pytest.param(
            *(b"%PDF-1.7", f"is a PDF document, {UNREAD}"),
            *("Export its pages as PNG or JPEG and use those.",),
            id="PDF",
        ),
        pytest.param(b"\xff\x0a", f"is a JPEG XL image, {UNREAD}", CONVERT, id="JPEG XL"),
        pytest.param(b"8BPS\0\1", f"is a Photoshop file, {UNREAD}", CONVERT, id="PSD"),
        pytest.param(b"\0\0\0\x18ftypcrx ", f"is {RAW}, {UNREAD}", EXPORT, id="CR3"),
        pytest.param(b"FUJIFILMCCD-RAW ", f"is {RAW}, {UNREAD}", EXPORT, id="RAF"),
        pytest.param(
            encoded(solid("RGB", RED), "EPS"),
            f"is a PostScript drawing, {UNREAD}",
            CONVERT,
            id="EPS",
        ),
        pytest.param(
            *(b"\xff\xd8\xff\xe0", VARIANT),
            *(CONVERT_OR_COPY,),
            id="four bytes of JPEG",
        ),
        pytest.param(png_header(640, 480), "ends too early.", COPY, id="no pixels"),
        pytest.param(png_header(60_000, 60_000), f"has 3,600 {MILLION}", SMALLER, id="bomb"),
        pytest.param(png_header(16_000, 16_000), f"has 256 {MILLION}", SMALLER, id="256 million"),
        pytest.param(webp_header(9_434, 9_434), f"has 89 {OF_WEBP}", SMALLER, id="WebP"),
        pytest.param(webp_header(16_384, 16_384), f"has 268 {OF_WEBP}", SMALLER, id="WebP bomb"),
    ],
)
def test_each_error_has_a_problem_and_an_advice(content: bytes, problem: str, advice: str) -> None:
    with pytest.raises(UnreadableImageError) as caught:
        open_image(BytesIO(content), name="odd.jpg")
    assert (caught.value.problem, caught.value.advice) == (f"odd.jpg {problem}", advice)


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8))


@pytest.mark.parametrize("min_side", [None, 4])
def test_a_lossless_jpeg_is_decoded_at_full_size(min_side: int | None) -> None:
    pixels = np.asarray(NOISE)
    file = BytesIO(lossless_jpeg(pixels))
    assert read_header(file) == ImageHeader(32, 24, "JPEG")
    np.testing.assert_array_equal(np.asarray(open_image(file, min_side=min_side)), pixels)


@pytest.mark.parametrize("marker", [b"\xff\xc5", b"\xff\xcf"])
def test_a_jpeg_that_libjpeg_does_not_decode_is_refused_by_its_header(marker: bytes) -> None:
    content = encoded(NOISE, "JPEG").replace(b"\xff\xc0", marker, 1)
    for read in (read_header, open_image):
        with pytest.raises(UnreadableImageError, match="is a hierarchical JPEG, which is not"):
            read(BytesIO(content))


def tiff_with(tag: int) -> bytes:
    """A TIFF with one more tag, as raw files of cameras have."""
    return encoded(solid("RGB", RED), "TIFF", tiffinfo={tag: b"\1\4\0\0"})


@pytest.mark.parametrize("name", ["a.CR2", "a.nef", "a.arw", "a.dng"])
def test_a_raw_file_is_not_taken_for_its_preview(name: str) -> None:
    with pytest.raises(UnreadableImageError, match=f"^{name} is {RAW}, {UNREAD} {EXPORT}"):
        read_header(BytesIO(encoded(solid("RGB", RED), "TIFF")), name=name)
    with pytest.raises(UnreadableImageError, match=f"is {RAW}"):
        read_header(BytesIO(tiff_with(50706)), name="renamed.tif")
    assert open_image(BytesIO(encoded(solid("RGB", RED), "JPEG")), name=name).size == (4, 2)


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_unsupported_images_are_known_by_their_suffix(kind: str) -> None:
    for suffix in OTHER_KINDS[kind]:
        assert suffix not in EXTENSIONS
        with pytest.raises(UnreadableImageError, match=f"^x{suffix} is {kind}, {UNREAD}"):
            read_header(BytesIO(b"?" * 600), name=f"x{suffix}")


@pytest.mark.parametrize("format", FORMATS)
def test_a_truncated_file_is_refused(format: str) -> None:
    content = encoded(NOISE, format)
    damaged = format in ("WEBP", "AVIF", "HEIF", "JPEG2000")
    said = (
        r"is damaged(, or in an unsupported variant of its format)?"
        if damaged
        else "ends too early"
    )
    with pytest.raises(UnreadableImageError, match=f"^This image {said}. "):
        open_image(BytesIO(content[: len(content) // 2]))


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded() -> None:
    usual = encoded(solid("RGB", RED, (1000, 1000)), "JPEG", progressive=True)
    last_scan = usual[usual.rindex(b"\xff\xda") : -2]
    hostile = BytesIO(usual[:-2] + last_scan * 5000 + usual[-2:])
    assert pixels_of(usual)[0] == pytest.approx(RED, abs=2)
    assert read_header(hostile).width == 1000
    with pytest.raises(UnreadableImageError, match="take too long to decode: it has 5,010 scans"):
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
    assert str(caught.value) == r"cat \udcff.jpg does not exist any more. Rescan the dataset."
    (tmp_path / "loop.jpg").symlink_to("loop.jpg")
    with pytest.raises(UnreadableImageError, match=r"^loop.jpg cannot be read: .*symbolic links"):
        open_image(tmp_path / "loop.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_error_names_a_file_without_read_permission(tmp_path: Path) -> None:
    (tmp_path / "mine.png").touch(mode=0)
    with pytest.raises(UnreadableImageError, match=r"^mine.png may not be read by this program\."):
        open_image(tmp_path / "mine.png")


def test_warnings_of_pillow_are_not_printed(tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(png_header(18_000, 18_000))  # Pillow warns from 125 Mpx
    code = "import sys, pathlib, core.images.decoding as i; i.open_image(pathlib.Path(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(tmp_path / "large.png")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "UnreadableImageError: large.png has 324 megapixels" in done.stderr
    assert "Warning" not in done.stderr


def test_threads_get_the_same_images_and_settings_of_pillow_stay() -> None:
    files = [encoded(NOISE, format) for format in FORMATS] * 20
    with ThreadPoolExecutor(8) as pool:
        decoded = list(pool.map(lambda content: open_image(BytesIO(content)).tobytes(), files))
    assert decoded == [open_image(BytesIO(content)).tobytes() for content in files]
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    assert Image.MAX_IMAGE_PIXELS == 125_000_000  # Twice as many are an error


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
