"""Reduced sizes at which JPEG and JPEG 2000 files can be decoded, by their markers."""

from typing import BinaryIO

from core.errors import UnreadableImageError
from core.images.failures import CONVERT_OR_COPY

JPEG_SCALES = (1, 2, 4, 8)
"""Divisors of width and height at which libjpeg decodes."""

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a frame in a JPEG (ITU T.81, table B.1)."""

WITHOUT_SCALES = {0xC3, 0xCB}
"""Lossless frames."""

UNSUPPORTED_FRAMES = {0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF}
"""Hierarchical frames, which libjpeg does not decode."""

CODESTREAM = b"\xff\x4f\xff\x51"
"""Start of a JPEG 2000 codestream (ITU T.800, A.2)."""

CODING_STYLE, FIRST_TILE = 0x52, 0x90
LEVELS_AT = 9
"""Position of the number of decomposition levels in a coding style, from its marker (A.6.1)."""

HEAD_BYTES = 1 << 16
MAX_LEVELS = 5


def scales_of(file: BinaryIO, kind: str, label: str) -> tuple[int, ...]:
    """Return the divisors of width and height at which a file can be decoded, ascending from 1.

    Raises:
        UnreadableImageError: It is a JPEG with a frame that libjpeg does not decode.
    """
    if kind == "JPEG":
        frame = _jpeg_frame(file)
        if frame in UNSUPPORTED_FRAMES:
            problem = f"{label} is a hierarchical JPEG, which is not supported."
            raise UnreadableImageError(problem, CONVERT_OR_COPY)
        return (1,) if frame in WITHOUT_SCALES else JPEG_SCALES
    if kind == "JPEG2000":
        file.seek(0)
        levels = min(_levels(file.read(HEAD_BYTES)), MAX_LEVELS)
        return tuple(2**level for level in range(levels + 1))
    return (1,)


def _jpeg_frame(file: BinaryIO) -> int:
    """Return the marker of the first frame; 0 if there is none before the first scan."""
    file.seek(2)
    while (marker := file.read(2)) and marker[0] == 0xFF:
        code = marker[-1]
        if code == 0xFF:  # Fill byte: the marker's second byte is the start of another
            file.seek(-1, 1)
        elif code in FRAMES:
            return code
        elif code == 0xDA:
            return 0
        elif not 0xD0 <= code <= 0xD9 and code != 0x01:  # These have no length
            length = int.from_bytes(file.read(2))
            file.seek(max(length - 2, 0), 1)
    return 0


def _levels(head: bytes) -> int:
    """Return the number of decomposition levels of a JPEG 2000 file; 0 if it is not found."""
    at = head.find(CODESTREAM) + 2
    while 1 < at < len(head) - LEVELS_AT and head[at] == 0xFF and head[at + 1] != FIRST_TILE:
        if head[at + 1] == CODING_STYLE:
            return head[at + LEVELS_AT]
        at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return 0
