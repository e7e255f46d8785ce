"""Error messages for image files that cannot be read."""

import re
import struct
import zlib

from PIL import Image, UnidentifiedImageError

from core.errors import UnreadableImageError
from core.images.formats import ADVICE, CONVERT, KNOWN_HEADS, NAMES, RAW, other_kind

DECODE_SECONDS = 20.0
"""Longest time to decode one image; 250 megapixels as a progressive JPEG take about 6 s."""

FAILURES = (
    *(UnidentifiedImageError, OSError, Image.DecompressionBombError, ValueError, SyntaxError),
    *(TypeError, RuntimeError, MemoryError, NotImplementedError),
    *(EOFError, LookupError, ArithmeticError, struct.error, zlib.error),
    *(AssertionError, AttributeError, BufferError, NameError, ReferenceError, StopIteration),
    *(SystemError, Warning),
)
"""Exceptions of Pillow for damaged files; the last three lines have those of errors in its parsers.
Any other ends the process that decodes, as a crash does."""

USE_SUPPORTED_FORMAT = f"Use a {NAMES} file."
COPY_AGAIN = "Copy or download it again."
MAKE_SMALLER = "Save a smaller copy and use that."
CONVERT_OR_COPY = "Convert it to JPEG or copy it again."


def too_large(label: str, pixels: int, most: int, which: str) -> UnreadableImageError:
    """Return the error for an image with too many pixels.

    Args:
        label: Name of the image.
        pixels: Number of its pixels.
        most: Most pixels that are decoded.
        which: Images with this limit, such as "WebP images".
    """
    problem = (
        f"{label} has {pixels / 1e6:,.0f} megapixels;"
        f" {which} of up to {most / 1e6:,.0f} megapixels are decoded."
    )
    return UnreadableImageError(problem, MAKE_SMALLER)


def file_too_large(label: str, num_bytes: int, most: int) -> UnreadableImageError:
    """Return the error for a file with too many bytes."""
    problem = f"{label} has {_size(num_bytes)}; image files of up to {_size(most)} are read."
    return UnreadableImageError(problem, MAKE_SMALLER)


def ends_early(label: str, num_bytes: int, end: int) -> UnreadableImageError:
    """Return the error for a file that is empty from position `end` to its end at `num_bytes`."""
    problem = f"{label} has {_size(num_bytes)}, but its data end after {_size(end)}."
    return UnreadableImageError(problem, COPY_AGAIN)


def too_slow(label: str) -> UnreadableImageError:
    """Return the error for an image that is not decoded in time."""
    problem = f"{label} takes longer than {DECODE_SECONDS:.0f} seconds to decode."
    return UnreadableImageError(problem, "Save it again as an ordinary JPEG.")


def crashed(label: str) -> UnreadableImageError:
    """Return the error for an image at which the decoder crashed."""
    return UnreadableImageError(f"{label} crashes the image decoder.", CONVERT_OR_COPY)


def unsupported(label: str, kind: str) -> UnreadableImageError:
    """Return the error for an image of a kind that is not supported."""
    advice = ADVICE.get(kind, CONVERT)
    return UnreadableImageError(f"{label} is {kind}, which is not supported.", advice)


def raw_file(label: str) -> UnreadableImageError:
    """Return the error for a raw file of a camera."""
    return unsupported(label, RAW)


def explain_failure(error: BaseException, label: str, head: bytes) -> UnreadableImageError:
    """Return the error that explains an exception of Pillow or the system to users."""
    match error:
        case UnreadableImageError():
            return error
        case FileNotFoundError() | NotADirectoryError():
            return UnreadableImageError(f"{label} does not exist any more.", "Rescan the dataset.")
        case PermissionError():
            advice = "Grant read permission to the user that runs the app."
            return UnreadableImageError(f"{label} cannot be read: permission denied.", advice)
        case UnidentifiedImageError():
            return _unidentified(label, head)
        case Image.DecompressionBombError():
            pixels, most = map(int, re.findall(r"(\d+) pixels", str(error)))
            return too_large(label, pixels, most, "images")
        case MemoryError():
            return UnreadableImageError(f"{label} takes too much memory to decode.", MAKE_SMALLER)
        case OSError(errno=int()):
            problem = f"{label} cannot be read: {error.strerror}."
            return UnreadableImageError(problem, "Check the disk, then try again.")
        case _ if isinstance(error, EOFError) or "truncated" in str(error).lower():
            return UnreadableImageError(f"{label} ends too early.", COPY_AGAIN)
    return UnreadableImageError(f"{label} is damaged.", COPY_AGAIN)


def _unidentified(label: str, head: bytes) -> UnreadableImageError:
    if kind := other_kind(label, head):
        return unsupported(label, kind)
    if KNOWN_HEADS.match(head):
        problem = f"{label} is damaged, or in an unsupported variant of its format."
        return UnreadableImageError(problem, CONVERT_OR_COPY)
    return UnreadableImageError(f"{label} is not an image.", USE_SUPPORTED_FORMAT)


def _size(num_bytes: int) -> str:
    """Return a number of bytes in decimal units, as file managers show them."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if num_bytes >= factor:
            return f"{num_bytes / factor:,.1f} {unit}"
    return f"{num_bytes} bytes"
