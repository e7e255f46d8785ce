"""Lossless JPEG (ITU T.81, annex H), which Pillow does not write."""

import struct

import numpy as np
from numpy.typing import NDArray


def lossless_jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """Encode (H, W, 3) pixels without loss: each as the difference from the one before it."""
    height, width, _ = pixels.shape
    frame = struct.pack(">BHHB", 8, height, width, 3)
    frame += b"".join(bytes((number, 0x11, 0)) for number in (1, 2, 3))
    lengths = bytes(3) + b"\x09" + bytes(12)  # Nine codes of four bits
    table = b"\0" + lengths + bytes(range(9))
    scan = b"\3" + b"".join(bytes((number, 0)) for number in (1, 2, 3)) + b"\1\0\0"
    parts = [(0xC3, frame), (0xC4, table), (0xDA, scan)]
    head = b"\xff\xd8"
    for marker, content in parts:
        head += bytes((0xFF, marker)) + struct.pack(">H", 2 + len(content)) + content
    return head + _entropy(pixels.astype(int)) + b"\xff\xd9"


def _entropy(pixels: NDArray[np.int_]) -> bytes:
    before = np.empty_like(pixels)
    before[:, 1:] = pixels[:, :-1]
    before[1:, 0] = pixels[:-1, 0]
    before[0, 0] = 128
    bits = ""
    for difference in (pixels - before).ravel().tolist():
        size = abs(difference).bit_length()
        bits += f"{size:04b}"
        if size:
            bits += f"{difference if difference > 0 else difference + 2**size - 1:0{size}b}"
    bits += "1" * (-len(bits) % 8)
    content = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    return content.replace(b"\xff", b"\xff\0")
