"""Near-duplicates by perceptual hash: recall of altered copies, false pairs and speed.

    CALTECH101_ROOT=FOLDER python -m benchmarks.duplicates [--images 2000] [--hashes 100000]

The reference is the usual 64-bit pHash, at the largest radius with which it pairs no more originals
than the workbench, and at the next radius. Whether a pair of originals is a true one is not judged:
Caltech-101 has many photographs twice.
"""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from scipy.fft import dctn

from benchmarks.timing import interleaved, seconds
from core.datasets.catalog import Catalog
from core.datasets.columns import ImageRow
from core.datasets.database import connect
from core.datasets.duplicates import find_groups
from core.images.decoding import open_image
from core.images.hashing import RADIUS, group_similar, perceptual_hash
from core.images.thumbnails import SIDE
from core.progress import finish

WORKERS = 4
ROUNDS = 3
MOST_BITS = 16
"""The largest radius of the reference that is counted, of 64 bits."""

Hash = Callable[[Image.Image], bytes | None]


def plain_phash(image: Image.Image) -> bytes:
    """Return the 64 bits that imagehash.phash returns, as 8 bytes."""
    small = image.convert("L").resize((32, 32), Image.Resampling.LANCZOS)
    low = dctn(np.asarray(small, np.float64))[:8, :8]
    return np.packbits(low > np.median(low)).tobytes()


HASHES: dict[str, Hash] = {"pHash-64": plain_phash, "ours-256": perceptual_hash}


def gamma(image: Image.Image, power: float) -> Image.Image:
    """Return the image with its middle tones darker (above 1) or lighter."""
    return image.point([round(255 * (level / 255) ** power) for level in range(256)] * 3)


def shrunk(image: Image.Image, times: int) -> Image.Image:
    """Return the image at a half, a third, … of its width and height."""
    return image.resize((image.width // times, image.height // times))


def cropped(image: Image.Image, share: float) -> Image.Image:
    """Return the image without a share of its width and height, half of it at each edge."""
    dx, dy = (side * share / 2 for side in image.size)
    return image.crop((round(dx), round(dy), round(image.width - dx), round(image.height - dy)))


ALTERED: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {
    "JPEG, quality 70": (lambda image: image, 70),
    "JPEG, quality 30": (lambda image: image, 30),
    "half the size": (lambda image: shrunk(image, 2), 90),
    "a quarter of the size": (lambda image: shrunk(image, 4), 90),
    "cropped by 2 %": (lambda image: cropped(image, 0.02), 90),
    "cropped by 5 %": (lambda image: cropped(image, 0.05), 90),
    "brightness 0.8": (lambda image: ImageEnhance.Brightness(image).enhance(0.8), 90),
    "brightness 1.2": (lambda image: ImageEnhance.Brightness(image).enhance(1.2), 90),
    "gamma 0.7": (lambda image: gamma(image, 0.7), 90),
    "gamma 1.4": (lambda image: gamma(image, 1.4), 90),
    "contrast 1.3": (lambda image: ImageEnhance.Contrast(image).enhance(1.3), 90),
    "gray": (lambda image: ImageOps.grayscale(image).convert("RGB"), 90),
}
"""Name → how a copy is altered, and the quality of the JPEG that it is saved as."""


def hash_all(paths: Sequence[Path], of: Hash) -> NDArray[np.uint8]:
    """Return (N, B) hashes of B bytes, decoded as by `verify`, without images too flat to hash.

    Raises:
        UnreadableImageError: A file cannot be read.
    """
    with ThreadPoolExecutor(WORKERS) as workers:
        values = list(workers.map(lambda path: of(open_image(path, min_side=SIDE)), paths))
    hashes = [value for value in values if value is not None]
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), -1)


def count_pairs(hashes: NDArray[np.uint8], radius: int) -> list[int]:
    """Return the number of pairs of rows within 0, 1, … `radius` bits of each other."""
    index = faiss.IndexBinaryFlat(8 * hashes.shape[1])
    index.add(hashes)
    _, bits, _ = index.range_search(hashes, radius + 1)
    counts = np.bincount(bits.astype(int), minlength=radius + 1)
    counts[0] -= len(hashes)  # Each finds itself
    return [int(count) for count in np.cumsum(counts) // 2]


def altered_distances(path: Path) -> dict[str, list[int]]:
    """Return, for each hash, the bits between an image and each altered copy of it."""
    image, whole = open_image(path), open_image(path, min_side=SIDE)
    found: dict[str, list[int]] = {name: [] for name in HASHES}
    for change, quality in ALTERED.values():
        file = BytesIO()
        change(image).save(file, "JPEG", quality=quality)
        copy = open_image(file, min_side=SIDE)
        for name, of in HASHES.items():
            found[name].append(_bits(of(whole), of(copy)))
    return found


def _bits(one: bytes | None, other: bytes | None) -> int:
    """Return the number of bits that differ; above any radius if one has no hash."""
    if one is None or other is None:
        return 8 * 1000
    pair = [np.frombuffer(value, np.uint8) for value in (one, other)]
    return int(np.bitwise_count(pair[0] ^ pair[1]).sum())


def compare(paths: Sequence[Path], num_images: int) -> None:
    """Print the pairs among the originals, and the share of altered copies that is found."""
    reference, ours = HASHES
    hashes = {name: hash_all(paths, of) for name, of in HASHES.items()}
    radii = {reference: MOST_BITS, ours: RADIUS}
    counts = {name: count_pairs(hashes[name], radius) for name, radius in radii.items()}
    more = int(np.searchsorted(counts[reference], counts[ours][RADIUS], "right"))
    ways = [(reference, more - 1), (reference, more), (ours, RADIUS)]
    print(f"\nPairs among {len(paths):,} images of Caltech-101")
    for name, radius in ways:
        flat = len(paths) - len(hashes[name])
        print(f"  {name} ≤ {radius:2} bits: {counts[name][radius]:5,} pairs; {flat:,} too flat")
    chosen = [paths[row] for row in np.linspace(0, len(paths) - 1, num_images, dtype=int)]
    with ThreadPoolExecutor(WORKERS) as workers:
        distances = list(workers.map(altered_distances, chosen))
    print(f"\nAltered copies found, of {num_images:,} images")
    print(" " * 26 + "".join(f"{f'{name} ≤ {radius}':>16}" for name, radius in ways))
    shares = [
        [np.mean([image[name][number] <= radius for image in distances]) for name, radius in ways]
        for number in range(len(ALTERED))
    ]
    for what, row in zip([*ALTERED, "mean"], [*shares, np.mean(shares, axis=0)], strict=True):
        print(f"  {what:<24}" + "".join(f"{share:>16.1%}" for share in row))


def hash_speed(paths: Sequence[Path]) -> None:
    """Print the time of a hash beside that of decoding."""
    images = [open_image(path, min_side=SIDE) for path in paths]

    def every(of: Hash) -> float:
        return seconds(lambda: [of(image) for image in images])

    ways: dict[str, Callable[[], float]] = {
        "decode": lambda: seconds(lambda: [open_image(path, min_side=SIDE) for path in paths])
    }
    ways |= {name: partial(every, of) for name, of in HASHES.items()}
    print(f"\nMilliseconds an image, of {len(paths):,}, one thread")
    for name, taken in interleaved(ways, ROUNDS).items():
        print(f"  {name:<24} {taken / len(paths) * 1e3:6.2f}")


def many(num_hashes: int) -> dict[str, NDArray[np.uint8]]:
    """Return sets of (N, 32) hashes; those of the last differ, but are all near each other."""
    draw = np.random.default_rng(0)
    apart = draw.integers(0, 256, (num_hashes, 32), np.uint8)
    in_pairs = apart.copy()
    in_pairs[: num_hashes // 10] = in_pairs[-(num_hashes // 10) :]
    in_pairs[: num_hashes // 10, 0] ^= 1
    same = np.tile(apart[0], (num_hashes, 1))
    near = same.copy()
    near[:, :3] = np.arange(num_hashes, dtype=">u4").view(np.uint8).reshape(-1, 4)[:, 1:]
    return {
        "all apart": apart,
        "a tenth in pairs": in_pairs,
        "all the same": same,
        "all within 24 bits": near,
    }


def scale(num_hashes: int) -> None:
    """Print the time and memory of grouping hashes and reading the groups."""
    print(f"\n{num_hashes:,} hashes")
    for name, hashes in many(num_hashes).items():
        before, started = peak_megabytes(), time.perf_counter()
        representatives, bits = finish(group_similar(hashes))
        gathered, grown = time.perf_counter() - started, peak_megabytes() - before
        with tempfile.TemporaryDirectory() as temporary:
            catalog = Catalog(Path(temporary) / "catalog.sqlite")
            write_representatives(catalog, representatives, bits)
            num_groups = len(find_groups(catalog))
            read = seconds(partial(find_groups, catalog))
        print(
            f"  {name:<20} grouped in {gathered:6.2f} s, peak memory + {grown:5,.0f} MB   "
            f"find_groups {read:5.2f} s, {num_groups:,} groups",
            flush=True,
        )


def peak_megabytes() -> float:
    """Return the peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def write_representatives(
    catalog: Catalog, representatives: NDArray[np.int64], bits: NDArray[np.int64]
) -> None:
    """Write an image for each hash into a catalog, each of other content, as `verify` does."""
    catalog.create()
    number = len(representatives)
    catalog.write(
        new=(
            ImageRow(0, f"{row}.jpg", "class", "train", 300, 200, 1, 1, f"{row:064x}")
            for row in range(number)
        )
    )
    together = np.flatnonzero(np.bincount(representatives, minlength=number)[representatives] > 1)
    with connect(catalog.path) as connection:
        connection.executemany(
            "UPDATE images SET representative = ?, representative_bits = ? WHERE id = ?",
            ((int(representatives[row]) + 1, int(bits[row]), int(row) + 1) for row in together),
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000, help="of which altered copies are made")
    parser.add_argument("--hashes", type=int, default=100_000)
    chosen = parser.parse_args()
    if root := os.environ.get("CALTECH101_ROOT"):
        paths = sorted(Path(root).expanduser().rglob("*.jpg"))
        compare(paths, min(chosen.images, len(paths)))
        hash_speed(paths[:: max(1, len(paths) // 300)])
    else:
        print("CALTECH101_ROOT is not set: only the times of a catalog are taken")
    scale(chosen.hashes)


if __name__ == "__main__":
    main()
