"""Small pictures for galleries, and the folder that keeps them."""

import base64
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from core.errors import UnreadableImageError
from core.files import sha256_of, write_atomically
from core.images.thumbnails import cache_thumbnails, data_uri, encode_thumbnail, thumbnail

RED = (255, 0, 0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "red.png"
    Image.new("RGB", (400, 200), RED).save(path)
    return path


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def decoded(jpeg: bytes) -> Image.Image:
    image = Image.open(BytesIO(jpeg))
    assert image.format == "JPEG"
    image.load()
    return image


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        *(((400, 200), (160, 80)), ((200, 400), (80, 160)), ((160, 160), (160, 160))),
        *(((20, 10), (20, 10)), ((3000, 1), (160, 1)), ((1, 1), (1, 1))),
    ],
)
def test_the_longest_side_is_160_or_the_images_own(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert decoded(encode_thumbnail(Image.new("RGB", size))).size == expected


def test_colors_are_preserved() -> None:
    small = decoded(encode_thumbnail(Image.new("RGB", (400, 200), RED), side=64))
    assert small.size == (64, 32)
    assert [small.getpixel((32, 16))] == [pytest.approx(RED, abs=3)]


def test_a_thumbnail_is_cached_under_its_key_and_size(source: Path, cache: Path) -> None:
    key = sha256_of(source)
    jpeg = thumbnail(source, cache, key, side=64)
    assert decoded(jpeg).size == (64, 32)
    kept = [path for path in cache.rglob("*") if path.is_file()]
    assert kept == [cache / key[:2] / f"{key}-64.jpg"]
    assert kept[0].read_bytes() == jpeg


def test_a_cached_thumbnail_needs_no_image(source: Path, cache: Path) -> None:
    jpeg = thumbnail(source, cache, "ab12")
    source.unlink()
    assert thumbnail(source, cache, "ab12") == jpeg


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"\xff\xd8\xff cut short", bytes(4096)])
def test_a_damaged_thumbnail_is_made_again(source: Path, cache: Path, damage: bytes) -> None:
    jpeg = thumbnail(source, cache, "ab12")
    path = cache / "ab" / "ab12-160.jpg"
    path.write_bytes(damage)
    assert thumbnail(source, cache, "ab12") == jpeg
    assert path.read_bytes() == jpeg


def test_an_unreadable_image_is_named_and_not_cached(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "notes.jpg").write_text("hello")
    with pytest.raises(UnreadableImageError, match=r"^notes.jpg is not an image"):
        thumbnail(tmp_path / "notes.jpg", cache, "ab12")
    assert not cache.exists()


def test_thumbnails_are_made_with_a_read_only_cache(source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert decoded(thumbnail(source, tmp_path / "file", "ab12")).size == (160, 80)


def test_threads_may_make_one_thumbnail_at_once(source: Path, cache: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        jpegs = set(pool.map(lambda _: thumbnail(source, cache, "ab12"), range(40)))
    assert len(jpegs) == 1
    assert [path.name for path in cache.rglob("*.*")] == ["ab12-160.jpg"]


def test_threads_may_write_one_file_at_once(tmp_path: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(40)]
    path = tmp_path / "shared"

    def write(content: bytes) -> None:
        write_atomically(path, lambda file: file.write(content), durable=False)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, contents))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_a_data_uri_holds_the_jpeg() -> None:
    uri = data_uri(b"\xff\xd8\xff")
    assert uri == "data:image/jpeg;base64,/9j/"
    assert base64.b64decode(uri.split(",")[1]) == b"\xff\xd8\xff"


def test_a_page_of_thumbnails_is_made_once_and_skips_unreadable_images(
    source: Path, cache: Path, tmp_path: Path
) -> None:
    images = [(source, f"{number:064x}") for number in range(20)]
    gone = (tmp_path / "gone.png", "f" * 64)
    cache_thumbnails([*images, gone], cache)
    kept = {path.name: path.stat().st_mtime_ns for path in cache.rglob("*.jpg")}
    assert set(kept) == {f"{key}-160.jpg" for _, key in images}
    cache_thumbnails([*images, gone], cache)
    assert {path.name: path.stat().st_mtime_ns for path in cache.rglob("*.jpg")} == kept
