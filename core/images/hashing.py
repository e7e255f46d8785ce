"""A hash that images share which look alike, and gathering images by it."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.progress import Progress, Work

SIDE = 16
"""Frequencies in each direction: 256 bits. On Caltech-101 they find more altered copies than the
usual 64 bits do at as many false pairs; see benchmarks/README.md."""

HASH_BYTES = SIDE * SIDE // 8
SCALED_SIDE = 4 * SIDE
"""Pixels in each direction that the frequencies are taken of, as pHash has it."""

FLAT = 3.0
"""Standard deviation of the gray levels (0 to 255) below which there is nothing to tell apart."""

MIN_SET_BITS = SIDE * SIDE // 4
"""Bits that are set in a hash; of photographs it is half of all. Where fewer are, as in a gradient
or stripes, most frequencies are 0, and such hashes are near each other whatever they show."""

RADIUS = 28
"""Bits that may differ. Up to here most pairs in Caltech-101 are one photograph or drawing; beyond,
motorbikes of one model in other colors prevail, for a hash does not see color."""

STRETCH = 512
"""Hashes that are searched for at once. It begins with fewer, so that a great group of look-alikes
is found by one and not by 512 of its members: of 100,000 that took 1.2 GB."""


def perceptual_hash(image: Image.Image) -> bytes | None:
    """Return 32 bytes of which look-alikes share most bits; None for a picture too plain to tell.

    The low frequencies of the cosine transform, each compared with their median (C. Zauner,
    *Implementation and Benchmarking of Perceptual Image Hash Functions*, 2010, section 3.2).
    """
    from scipy.fft import dctn

    size = (SCALED_SIDE, SCALED_SIDE)
    small = image.convert("L").resize(size, Image.Resampling.LANCZOS)
    pixels = np.asarray(small, np.float32)
    if pixels.std() < FLAT:
        return None
    low = dctn(pixels)[:SIDE, :SIDE]
    bits = low > np.median(low)
    return np.packbits(bits).tobytes() if bits.sum() >= MIN_SET_BITS else None


def group_similar(
    hashes: NDArray[np.uint8], radius: int = RADIUS
) -> Work[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Gather look-alikes around leaders: each hash joins the first one that is near enough.

    Around leaders, not in chains: a row of small steps could join images that are nothing alike.

    Args:
        hashes: (N, 32), a hash a row.
        radius: Bits in which a hash may differ from its leader.

    Returns:
        (N,) the row of each one's leader, its own if it leads; (N,) the bits that differ from it.
    """
    import faiss

    if not len(hashes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    whole = np.ascontiguousarray(hashes).view(f"V{hashes.shape[1]}").ravel()
    _, first, place = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(first)  # The same hash a thousand times is searched for once
    values = hashes[first[order]]
    index = faiss.IndexBinaryFlat(8 * hashes.shape[1])
    index.add(values)
    representative, distance = np.full(len(values), -1), np.zeros(len(values), np.int64)
    start, end = 0, 1
    while start < len(values):
        yield Progress(start, len(values), "comparing images")
        waiting = start + np.flatnonzero(representative[start:end] < 0)
        limits, bits, found = index.range_search(values[waiting], radius + 1)  # Nearer than that
        for number, row in enumerate(waiting):
            if representative[row] < 0:
                near = found[limits[number] : limits[number + 1]]
                free = representative[near] < 0
                representative[near[free]] = row
                distance[near[free]] = bits[limits[number] : limits[number + 1]][free]
        start, end = end, end + min(end, STRETCH)
    rank = np.argsort(order)[place]
    return first[order][representative[rank]], distance[rank]
