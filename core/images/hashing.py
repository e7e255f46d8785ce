"""Perceptual hashes, and groups of near-duplicates by them."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from core.progress import Progress, Work

SIDE = 16
"""Frequencies per direction: 256 bits. On Caltech-101 they find more altered copies than the usual
64 bits at the same number of false pairs; see benchmarks/README.md."""

HASH_BYTES = SIDE * SIDE // 8
SCALED_SIDE = 4 * SIDE
"""Pixels per direction of the scaled image, four times the frequencies as in pHash."""

FLAT = 3.0
"""Standard deviation of the gray levels (0 to 255) below which an image has no hash."""

MIN_SET_BITS = SIDE * SIDE // 4
"""Fewest set bits of a hash; photographs have half of all. In gradients or stripes most frequencies
are 0, so that their hashes are close to each other whatever they show."""

RADIUS = 28
"""Most bits in which near-duplicates differ. Up to here most pairs in Caltech-101 are the same
photograph or drawing; beyond, most are motorbikes of one model in different colors, because a hash
ignores color."""

STRETCH = 512
"""Hashes per search. The first searches have fewer, so that a large group is found by one of its
members and not by 512, which took 1.2 GB for 100,000."""


def perceptual_hash(image: Image.Image) -> bytes | None:
    """Return 32 bytes of which near-duplicates share most bits; None for an image without detail.

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
    """Group near-duplicates around representatives: a hash joins the first one close enough.

    Groups are not chains, because a series of small steps could join images that differ.

    Args:
        hashes: (N, 32), a hash a row.
        radius: Most bits in which a hash may differ from its representative.

    Returns:
        (N,) row of each hash's representative, which may be its own; (N,) bits that differ from it.
    """
    import faiss

    if not len(hashes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    whole = np.ascontiguousarray(hashes).view(f"V{hashes.shape[1]}").ravel()
    _, first, place = np.unique(whole, return_index=True, return_inverse=True)
    order = np.argsort(first)  # Equal hashes are searched for once
    values = hashes[first[order]]
    index = faiss.IndexBinaryFlat(8 * hashes.shape[1])
    index.add(values)
    representative, distance = np.full(len(values), -1), np.zeros(len(values), np.int64)
    start, end = 0, 1
    while start < len(values):
        yield Progress(start, len(values), "comparing images")
        waiting = start + np.flatnonzero(representative[start:end] < 0)
        limits, bits, found = index.range_search(values[waiting], radius + 1)  # Exclusive
        for number, row in enumerate(waiting):
            if representative[row] < 0:
                near = found[limits[number] : limits[number + 1]]
                free = representative[near] < 0
                representative[near[free]] = row
                distance[near[free]] = bits[limits[number] : limits[number + 1]][free]
        start, end = end, end + min(end, STRETCH)
    rank = np.argsort(order)[place]
    return first[order][representative[rank]], distance[rank]
