"""ICC profiles, written by hand from the published primaries of their color spaces."""

import struct

import numpy as np
from numpy.typing import NDArray

SRGB = np.array(
    [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
)
DISPLAY_P3 = np.array(
    [[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]]
)
ADOBE_RGB = np.array(
    [[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]]
)
"""XYZ of red, green and blue in columns, adapted to D50 as in the published profiles."""

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Parameters of an ICC parametric curve of type 3; Display P3 has it, too."""

ADOBE_GAMMA = 2.19921875
D50 = (0.9642, 1.0, 0.8249)


def rgb_profile(primaries: NDArray[np.float64], gamma: float | None = None) -> bytes:
    """Return a profile of three primaries, with sRGB's curve or a gamma."""
    curve = (
        b"para\0\0\0\0\0\3\0\0" + _fixed(*SRGB_CURVE)
        if gamma is None
        else b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    )
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(*D50)}
    for name, column in zip((b"r", b"g", b"b"), primaries.T, strict=True):
        tags[name + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(*column)
        tags[name + b"TRC"] = curve
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def green_magenta_profile() -> bytes:
    """Return a CMYK profile of a press whose magenta ink is green: Lab 50, -60, 60."""
    nodes = bytearray()
    for node in range(16):  # Cyan is the highest bit, black the lowest
        black, magenta = node & 1, node & 4
        nodes += bytes((0, 128, 128) if black else (127, 68, 188) if magenta else (255, 128, 128))
    ramp = bytes(range(256))
    matrix = _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut = b"mft1\0\0\0\0\4\3\2\0" + matrix + ramp * 4 + bytes(nodes) + ramp * 3
    tags = {b"wtpt": b"XYZ \0\0\0\0" + _fixed(*D50), b"A2B0": lut}
    return _profile(b"prtr", b"CMYK", b"Lab ", tags)


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"test\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0" + text,
        **tags,
    }
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(">I4xI", start + len(data), 0x02400000) + kind + space + connection
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*D50)
    return head.ljust(128, b"\0") + table + data


def _fixed(*values: float) -> bytes:
    """Return numbers as ICC's s15Fixed16."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))
