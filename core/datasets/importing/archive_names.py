"""Names of entries in a zip that are not marked as UTF-8: in which encoding they are."""

import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Sequence

from core.datasets.importing.name_scores import PRIORS, score

ENCODINGS = tuple(PRIORS)
"""Encodings that names may have, by their names in Python."""

UTF8_NAME = 1 << 11
"""Flag of an entry (APPNOTE.TXT, 4.4.4)."""

UNICODE_PATH = 0x7075
"""Extra field with the name in UTF-8 (APPNOTE.TXT, 4.6.9)."""

MAX_NAMES = 2000
"""Most different parts of paths by which an encoding is detected."""


def decode_names(entries: Sequence[zipfile.ZipInfo], encoding: str = "") -> list[str]:
    """Return the names of entries; without an `encoding` it is detected over all of them."""
    raw = [_raw_name(entry) for entry in entries]
    marked = [_marked_name(entry, name) for entry, name in zip(entries, raw, strict=True)]
    unmarked = [name for name, known in zip(raw, marked, strict=True) if known is None]
    chosen = encoding or detect_encoding(unmarked)
    return [
        decode(name, chosen) if known is None else known
        for name, known in zip(raw, marked, strict=True)
    ]


def detect_encoding(names: Iterable[bytes]) -> str:
    """Return the encoding in which names are the most plausible text; cp437 if in none."""
    parts = {part for name in names for part in re.split(rb"/", name) if not part.isascii()}
    # Files often have one name and a number
    words = sorted({re.sub(rb"[0-9]+|\.[A-Za-z0-9]+$", b"", part) for part in parts})[:MAX_NAMES]
    if not words:
        return "utf_8"
    scores = {}
    for encoding in ENCODINGS:
        try:
            scores[encoding] = score([word.decode(encoding) for word in words], encoding)
        except UnicodeDecodeError:
            continue
    return max(scores, key=scores.__getitem__, default="cp437")


def _raw_name(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("utf-8" if entry.flag_bits & UTF8_NAME else "cp437")


def _marked_name(entry: zipfile.ZipInfo, raw: bytes) -> str | None:
    """Return the name if it is marked as UTF-8, by a flag or in an extra field."""
    if entry.flag_bits & UTF8_NAME:
        return entry.orig_filename
    extra = entry.extra
    while len(extra) >= 4:
        kind, length = struct.unpack("<HH", extra[:4])
        if kind == UNICODE_PATH and length > 5:
            checksum = struct.unpack("<L", extra[5:9])[0]
            if checksum == zlib.crc32(raw):
                return extra[9 : 4 + length].decode(errors="replace")
        extra = extra[4 + length :]
    return None


def decode(name: bytes, encoding: str) -> str:
    """Return a name as text, in cp437 if it is not in its encoding."""
    try:
        return name.decode(encoding)
    except UnicodeDecodeError:
        return name.decode("cp437")  # Decodes every byte; the ZIP format's own
