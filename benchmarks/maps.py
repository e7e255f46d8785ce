"""Time and trustworthiness of a map from a fresh process, beside umap-learn.

    python -m benchmarks.maps --home HOME [--count 0 100000]

HOME is a workspace with embeddings. A count of 0 takes them as they are; others are drawn around
them. The reference is `umap.UMAP(metric="cosine").fit_transform(vectors)` in a process of its own,
its import included. `core.maps` is measured twice: as the first map ever, which compiles, and as
the first of a process, which reads the compiled code from disk.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness

from benchmarks.large_sets import LargeSet, real_embeddings
from benchmarks.timing import NUM_CORES

FEW, OF_FEW, OF_MANY = 10_000, 0.2, 0.6
"""Number of images up to which the first limit holds, else the second: ratios to umap-learn."""

MOST_BELOW = 0.01
"""By how much the trustworthiness may be lower."""

JUDGED = 5_000
"""Images that trustworthiness is measured on; scikit-learn's measure needs N² numbers."""

K = 15

PLAIN = """
import sys, numpy, umap
vectors = numpy.load(sys.argv[1])
numpy.save(sys.argv[2], umap.UMAP(metric="cosine").fit_transform(vectors))
"""
OURS = """
import sys, numpy
from core.maps import pca, umap
from core.maps.config import MapConfig
from core.indexes.neighbors import find_neighbors
from core.progress import finish
vectors = numpy.load(sys.argv[1])
config = MapConfig(index="none")
neighbors = finish(find_neighbors(vectors, config.neighbors - 1))
start = umap.spread(pca.fit(vectors, 2).project(vectors))
unlabeled = numpy.full(len(vectors), umap.NO_LABEL)
numpy.save(sys.argv[2], finish(umap.lay_out(start, neighbors, config, unlabeled)))
"""


def run(
    program: str, vectors: Path, folder: Path, compiled: Path
) -> tuple[float, NDArray[np.float32]]:
    """Run a program in a fresh process; return its seconds and the (N, 2) map that it saved."""
    saved = folder / "points.npy"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(compiled), "PYTHONWARNINGS": "ignore"}
    started = time.perf_counter()
    command = [sys.executable, "-c", program, str(vectors), str(saved)]
    subprocess.run(command, check=True, env=environment)
    return time.perf_counter() - started, np.load(saved)


def trustworthiness_of(vectors: NDArray[np.float32], points: NDArray[np.float32]) -> float:
    """Return scikit-learn's trustworthiness of a map, or of a sample of its images.

    In a sample the neighbors are those within the sample, for both maps.
    """
    rows = np.arange(len(vectors))
    if len(rows) > 2 * JUDGED:
        rows = np.sort(np.random.default_rng(0).choice(len(vectors), JUDGED, replace=False))
    found = trustworthiness(vectors[rows], points[rows], n_neighbors=K, metric="cosine")
    return float(found)


def vectors_of(home: Path, count: int) -> NDArray[np.float32]:
    """Return the real embeddings, or `count` vectors drawn around them."""
    real = real_embeddings(home)
    return LargeSet(real).vectors(count) if count else real


def measure(home: Path, count: int) -> None:
    """Print the times and the trustworthiness at one size."""
    vectors = vectors_of(home, count)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        saved, compiled = folder / "vectors.npy", folder / "compiled"
        np.save(saved, vectors)
        plain, plain_points = run(PLAIN, saved, folder, folder / "compiled-plain")
        first, _ = run(OURS, saved, folder, compiled)
        ours, points = run(OURS, saved, folder, compiled)
    limit = OF_FEW if len(vectors) <= FEW else OF_MANY
    print(f"\n{len(vectors):,} embeddings of {vectors.shape[1]} dimensions, {NUM_CORES} cores")
    plainly, value = (trustworthiness_of(vectors, p) for p in (plain_points, points))
    for name, seconds, of_what in (
        ("umap-learn", plain, f"{plainly:.4f}"),
        ("workbench, the first map ever", first, ""),
        ("workbench, the first of a process", ours, f"{value:.4f}"),
    ):
        print(f"  {name:<32} {seconds:7.1f} s  {seconds / plain:4.2f} ×  {of_what}")
    quick = ours / plain <= limit
    true = value >= plainly - MOST_BELOW
    print(f"  at most {limit} ×: {'holds' if quick else 'does not hold'}; ", end="")
    print(
        f"at most {MOST_BELOW} less trustworthy: {'holds' if true else 'does not hold'}", flush=True
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--count", type=int, nargs="+", default=[0, 100_000])
    options = parser.parse_args()
    for count in options.count:
        measure(options.home, count)


if __name__ == "__main__":
    main()
