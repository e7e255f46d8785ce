"""Error messages for image files that cannot be read."""

import re
import struct
import zlib

from PIL import Image, UnidentifiedImageError

from core.errors import UnreadableImageError

MAX_PIXELS = 65_000_000
"""Enough for phones and full-frame cameras (9,248 × 6,936 is the largest usual size); decoding one
image then takes at most 1 GB: WebP, which needs the most, takes 15 bytes a pixel."""

FAILURES = (
    *(UnidentifiedImageError, OSError, Image.DecompressionBombError, ValueError, SyntaxError),
    *(TypeError, RuntimeError, MemoryError, NotImplementedError),
    *(EOFError, LookupError, ArithmeticError, struct.error, zlib.error),
)
"""Exceptions of Pillow for damaged files; the last line has those of errors in its parsers."""

KNOWN_HEADS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|RIFF....WEBP|BM....\0\0\0\0|GIF8[79]a|II[*+]\0|MM\0[*+]",
    re.DOTALL,
)
OTHER_HEADS = {
    "a HEIC picture": rb"....ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)",
    "an AVIF picture": rb"....ftypavi[fs]",
    "a JPEG 2000 picture": rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51",
    "a JPEG XL picture": rb"\0\0\0\x0cJXL |\xff\x0a",
    "an SVG drawing": rb".*<svg",
    "a PDF document": rb"%PDF",
    "a PostScript drawing": rb"%!PS|\xc5\xd0\xd3\xc6",
    "a Photoshop file": rb"8BPS",
}
"""Unsupported image formats → how their files begin."""

USE_SUPPORTED_FORMAT = "Use a JPEG, PNG, WebP, BMP, GIF or TIFF file."
COPY_AGAIN = "Copy or download it again."
MAKE_SMALLER = "Save a smaller copy and use that."


def too_large(label: str, pixels: int) -> UnreadableImageError:
    """Return the error for an image with too many pixels."""
    problem = (
        f"{label} claims {pixels / 1e6:,.0f} million pixels;"
        f" at most {MAX_PIXELS / 1e6:,.0f} million are read."
    )
    return UnreadableImageError(problem, MAKE_SMALLER)


def explain_failure(error: Exception, label: str, head: bytes) -> UnreadableImageError:
    """Return the error that explains an exception of Pillow or the system to users."""
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return UnreadableImageError(f"{label} is not there any more.", "Scan the folder again.")
        case PermissionError():
            advice = "Give yourself the right to read it."
            return UnreadableImageError(f"{label} may not be read by this program.", advice)
        case UnidentifiedImageError():
            return _unidentified(label, head)
        case Image.DecompressionBombError():
            count = re.search(r"\((\d+) pixels\)", str(error))
            return too_large(label, int(count[1]) if count else 2 * MAX_PIXELS)
        case MemoryError():
            return UnreadableImageError(f"{label} needs more memory than is free.", MAKE_SMALLER)
        case OSError(errno=int()):
            problem = f"{label} cannot be read: {error.strerror}."
            return UnreadableImageError(problem, "Check the disk, then try again.")
        case _ if isinstance(error, EOFError) or "truncated" in str(error).lower():
            return UnreadableImageError(f"{label} ends too early.", COPY_AGAIN)
    return UnreadableImageError(f"{label} is damaged.", COPY_AGAIN)


def _unidentified(label: str, head: bytes) -> UnreadableImageError:
    for kind, beginning in OTHER_HEADS.items():
        if re.match(beginning, head, re.DOTALL | re.IGNORECASE):
            problem = f"{label} is {kind}, which this app does not read."
            return UnreadableImageError(problem, "Convert it to JPEG and use that.")
    if KNOWN_HEADS.match(head):
        problem = f"{label} is damaged, or of a rare kind that this app does not read."
        return UnreadableImageError(problem, "Convert it to JPEG or copy it again.")
    return UnreadableImageError(f"{label} is not an image.", USE_SUPPORTED_FORMAT)
