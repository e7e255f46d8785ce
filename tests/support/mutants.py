"""Damaged images of every format, the same for each seed: `python -m tests.support.mutants 3000`.

The command decodes as many as that, in all the ways that the app does, and prints what became of
them. None may end a process.
"""

import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from core.errors import UnreadableImageError
from core.images import decoding, isolation  # noqa: F401 - the former registers HEIF
from core.images.formats import FORMATS
from tests.factories.lossless_jpeg import lossless_jpeg

SQUARE = isolation.SquareOptions(side=32, interpolation="bilinear", fit="crop")
KINDS = (
    *FORMATS,
    "MPO",
    "LOSSLESS",
    "TIFF-LZW",
    "PROGRESSIVE",
    "PALETTE",
    "ANIMATED",
    "ALPHA",
    "ICC",
)


def seed_image(kind: str) -> bytes:
    """Return a whole image of one of `KINDS`."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    pixels[:, :16] = pixels[0, 0]
    image, file = Image.fromarray(pixels), BytesIO()
    match kind:
        case "LOSSLESS":
            return lossless_jpeg(pixels)
        case "TIFF-LZW":
            image.save(file, "TIFF", compression="tiff_lzw")
        case "PROGRESSIVE":
            image.save(file, "JPEG", progressive=True, exif=_exif())
        case "PALETTE":
            image.quantize(16).save(file, "PNG")
        case "ANIMATED":
            image.save(file, "WEBP", save_all=True, append_images=[image.rotate(90)])
        case "ALPHA":
            image.convert("RGBA").save(file, "PNG")
        case "ICC":
            from PIL import ImageCms

            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
            image.save(file, "PNG", icc_profile=profile.tobytes())
        case _:
            image.save(file, kind)
    return file.getvalue()


def _exif() -> bytes:
    exif = Image.Exif()
    exif[274] = 6
    return exif.tobytes()


def mutants(kind: str, count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield damaged copies of the image of one kind."""
    chance, whole = random.Random(f"{kind} {seed}"), seed_image(kind)
    for _ in range(count):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 4, 16))):
            _mutate(content, chance)
        yield bytes(content)


def _mutate(content: bytearray, chance: random.Random) -> None:
    """Change a place of the content, mostly near its beginning, where the headers are."""
    end = chance.choice((64, 256, len(content)))
    at = chance.randrange(max(1, min(end, len(content))))
    match chance.randrange(9):
        case 0:
            content[at : at + 1] = bytes([chance.randrange(256)])
        case 1:
            content[at : at + 1] = bytes(
                [(content[at] if content else 0) ^ 1 << chance.randrange(8)]
            )
        case 2:
            content[at : at + 4] = struct.pack(">I", chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF)))
        case 3:
            content[at : at + 2] = struct.pack("<H", chance.choice((0, 1, 0x7FFF, 0xFFFF)))
        case 4:
            del content[at:]
        case 5:
            del content[at : at + chance.choice((1, 4, 64))]
        case 6:
            content[at:at] = content[at : at + chance.choice((1, 12, 200))]
        case 7:
            content[at:at] = chance.randbytes(chance.choice((1, 8, 100)))
        case 8:
            content[at : at + 40] = bytes(40)


def outcome(content: bytes) -> str:
    """Decode an image in each way, and return "decoded" or the problem.

    Raises:
        AssertionError: One way gave another answer than the others.
    """
    answers = set()
    for decode in (
        lambda file: isolation.check_image(file),
        lambda file: isolation.load_square(file, SQUARE),
        lambda file: isolation.make_thumbnail(file, 32),
    ):
        try:
            decode(BytesIO(content))
            answers.add("decoded")
        except UnreadableImageError as error:
            answers.add(error.problem)
    if problem := header_problem(content):  # What a scan refuses, everything else does
        answers.add(problem)
    [answer] = answers
    return answer


def header_problem(content: bytes) -> str:
    """Return why the header of an image is refused; empty if it is not."""
    try:
        isolation.read_header(BytesIO(content))
    except UnreadableImageError as error:
        return error.problem
    return ""


def main() -> None:
    """Decode many mutants and print their outcomes and the slowest."""
    count, outcomes, slowest = int(sys.argv[1]), Counter[str](), (0.0, "")
    for kind in KINDS:
        for number, content in enumerate(mutants(kind, count // len(KINDS), seed=1)):
            started = time.perf_counter()
            outcomes[outcome(content)] += 1
            slowest = max(slowest, (time.perf_counter() - started, f"{kind} {number}"))
    for problem, times in outcomes.most_common():
        print(f"{times:6} {problem}")
    print(f"slowest: {slowest[1]}, {slowest[0]:.2f} s")


if __name__ == "__main__":
    main()
