"""Large images and files: decoded within the memory limit, or refused with their size."""

import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from core.errors import UnreadableImageError
from core.images import limits
from core.images.decoding import open_image, read_header
from core.images.limits import EMPTY_FROM, MAX_FILE_BYTES, PADDED_UP_TO
from core.workspace import PROJECT

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


RED = Image.new("RGB", (64, 48), "red")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "HEIF", "JPEG2000"])
def test_a_file_whose_data_end_long_before_its_size_is_refused(tmp_path: Path, format: str) -> None:
    content = encoded(RED, format)
    path = tmp_path / "odd.img"
    path.write_bytes(content)
    os.truncate(path, 30_000_000)  # The rest is a hole
    with pytest.raises(UnreadableImageError, match=r"^odd.img has 30.0 MB, but its data end after"):
        read_header(path)
    with pytest.raises(UnreadableImageError, match="data end after"):
        open_image(BytesIO(content + bytes(3_000_000)))


def test_a_download_that_was_cut_off_in_its_reserved_space_is_refused() -> None:
    noise = Image.effect_noise((600, 600), 100)
    content = encoded(noise, "JPEG", quality=95)
    cut = len(content) // 2
    assert len(content) - cut > EMPTY_FROM
    with pytest.raises(UnreadableImageError, match="data end after"):
        read_header(BytesIO(content[:cut] + bytes(len(content) - cut)))


def test_a_whole_image_may_be_padded() -> None:
    for format in ("JPEG", "PNG"):
        assert read_header(BytesIO(encoded(RED, format) + bytes(PADDED_UP_TO // 2))).width == 64


@pytest.mark.parametrize("format", ["BMP", "TIFF", "PPM"])
def test_a_black_image_without_compression_is_read(format: str) -> None:
    assert open_image(BytesIO(encoded(Image.new("RGB", (400, 400)), format))).size == (400, 400)


def test_a_file_that_is_too_large_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    path.write_bytes(encoded(RED, "JPEG"))
    os.truncate(path, 20 * MAX_FILE_BYTES)
    with pytest.raises(UnreadableImageError, match=r"^huge.jpg has 20.0 GB; image files of up to"):
        read_header(path)


@pytest.mark.slow
def test_jpegs_of_hundreds_of_megapixels_are_decoded_at_a_reduced_size() -> None:
    content = encoded(Image.new("L", (25_000, 9_900), 128), "JPEG")
    assert read_header(BytesIO(content)).width == 25_000
    assert open_image(BytesIO(content), min_side=224).size == (3125, 1238)
    assert open_image(BytesIO(content)).size == (12_500, 4950)  # 62 megapixels
    with pytest.raises(UnreadableImageError, match="has 255 megapixels; images of up to 250"):
        read_header(BytesIO(encoded(Image.new("L", (25_500, 10_000)), "JPEG")))


@pytest.mark.slow
def test_other_large_images_are_reduced_after_decoding() -> None:
    for mode in ("L", "P", "1", "RGBA"):
        content = encoded(Image.new(mode, (8000, 4000), 1), "PNG", compress_level=1)
        assert open_image(BytesIO(content), min_side=500).size == (1000, 500)
        assert open_image(BytesIO(content)).size == (4000, 2000)


def test_a_large_image_is_reduced_to_the_mean_of_its_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.images.decoding.LARGE_PIXELS_OF_OTHERS", 100)
    halves = Image.new("RGBA", (64, 48), (255, 0, 0, 255))
    halves.paste((0, 0, 255, 255), (0, 0, 32, 48))
    halves.paste((0, 0, 0, 0), (0, 24, 64, 48))
    for image in (halves, halves.quantize(4, method=Image.Quantize.FASTOCTREE)):
        small = open_image(BytesIO(encoded(image, "PNG")), min_side=6)
        assert small.size == (8, 6)
        corners = [small.getpixel(place) for place in ((0, 0), (7, 0), (0, 5))]
        assert corners == [(0, 0, 255), (255, 0, 0), (255, 255, 255)]


def test_the_limit_of_pixels_is_that_of_the_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MEMORY_BYTES", 16 * 64 * 48 - 1)
    assert read_header(BytesIO(encoded(RED, "PNG"))).width == 64
    with pytest.raises(UnreadableImageError, match="WebP images of up to 0 megapixels"):
        read_header(BytesIO(encoded(RED, "WEBP")))


def test_jpeg_2000_is_decoded_at_the_size_that_is_needed() -> None:
    image = Image.new("RGB", (640, 480), "red")
    content = encoded(image, "JPEG2000", num_resolutions=3)  # 1, 1/2 and 1/4
    assert open_image(BytesIO(content), min_side=100).size == (160, 120)
    assert open_image(BytesIO(content), min_side=200).size == (320, 240)
    assert open_image(BytesIO(content), min_side=20).size == (160, 120)
    assert open_image(BytesIO(content)).getpixel((0, 0)) == pytest.approx((255, 0, 0), abs=2)


PEAK = """
import resource, sys
from pathlib import Path
from core.images.decoding import open_image
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
open_image(Path(sys.argv[1]), min_side=224)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "format", "options"),
    [
        ("RGBA", "WEBP", {"lossless": True, "method": 0, "quality": 0}),
        ("RGBA", "PNG", {"compress_level": 1}),
        ("RGB", "JPEG", {"progressive": True}),
        ("I;16", "PNG", {"compress_level": 1}),
    ],
)
def test_64_megapixels_are_decoded_within_the_memory_limit(
    tmp_path: Path, mode: str, format: str, options: dict[str, object]
) -> None:
    path = tmp_path / "large"
    path.write_bytes(encoded(Image.new(mode, (8000, 8000)), format, **options))
    ended = subprocess.run(
        [sys.executable, "-c", PEAK, str(path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(ended.stdout) < limits.MEMORY_BYTES
