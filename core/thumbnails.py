"""Small JPEGs for galleries, kept on disk by content. When to forget them is not its business."""

import base64
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from PIL import Image

from core.files import write_atomically
from core.images import open_image

QUALITY = 80
"""About 5 kB at 160 pixels; above it files grow faster than anyone can see."""

JPEG_START, JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"


def thumbnail(source: Path, cache: Path, key: str, side: int = 160) -> bytes:
    """Return a small JPEG of the image, from the cache if it is there.

    Args:
        source: The image; not looked at if the cache has its thumbnail.
        cache: The folder for thumbnails, made when needed.
        key: The SHA-256 of the image's content in hexadecimal.
        side: The longest side, in pixels.

    Raises:
        UnreadableImageError: The image cannot be shown.
    """
    path = cache / key[:2] / f"{key}-{side}.jpg"
    with suppress(OSError):
        kept = path.read_bytes()
        if kept.startswith(JPEG_START) and kept.endswith(JPEG_END):
            return kept
    jpeg = encode_thumbnail(open_image(source, at_least=side), side)
    with suppress(OSError):  # a full or read-only disk must not empty the gallery
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: file.write(jpeg), durable=False)
    return jpeg


def encode_thumbnail(image: Image.Image, side: int = 160) -> bytes:
    """Return the image as a JPEG whose longest side is `side` pixels, or its own if shorter."""
    scale = min(1.0, side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.convert("RGB").resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)
    file = BytesIO()
    small.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def data_uri(jpeg: bytes) -> str:
    """Return a JPEG as the address that an `<img>` shows without asking the server."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
