"""Clusters of images that are near each other, whatever their labels say, and what they mix.

Shapes, in this file: N images, D embedding dimensions, K neighbors, G clusters.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from core.quality.labels import ImageLabels
from core.quality.neighbors import Neighbors

NO_CLUSTER = -1
"""In place of a cluster: the image lies in none."""

FARTHEST = 2.0
"""Distance of two opposite unit vectors: what links parts of the graph that nothing else links."""

NEAREST = 1e-6
"""In place of no distance at all, which a sparse graph would take for no link."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as it is with the labels of now."""

    number: int
    """What it is called: its place in the order of the clustering, from 0."""

    rows: NDArray[np.int64]
    """(N,) its images in use, the one most like all others (the medoid) first."""

    similarities: NDArray[np.float32]
    """(N,) mean cosine similarity of each to all of the cluster, itself too."""

    mix: tuple[tuple[str, int], ...]
    """Class → number of its images here, the most frequent first; without those that have none."""

    @property
    def purity(self) -> float:
        """Share of the most frequent class among the labeled images; 1 where none is labeled."""
        labeled = sum(count for _, count in self.mix)
        return self.mix[0][1] / labeled if labeled else 1.0

    @property
    def num_others(self) -> int:
        """How many labeled images are not of the most frequent class."""
        return sum(count for _, count in self.mix[1:])


def find_clusters(neighbors: Neighbors, least: int) -> NDArray[np.int32]:
    """Find clusters of any shape among the images: HDBSCAN on the graph of neighbors.

    Campello, Moulavi & Sander (*Density-Based Clustering Based on Hierarchical Density Estimates*,
    2013), by scikit-learn, with its least density (`min_samples` 2). Between images that are not
    neighbors no distance is computed, so time grows with the number of images and not with its
    square. With this density it is single linkage, and finds what HDBSCAN finds on all distances as
    long as the graph hangs together; else its parts are taken to be far from each other.

    Args:
        neighbors: Of the images.
        least: Fewest images, copies not counted, that make a cluster.

    Returns:
        (N,) int32 number of each image's cluster, from 0, or `NO_CLUSTER`.
    """
    from sklearn.cluster import HDBSCAN  # Seconds to import

    originals = neighbors.originals
    near = np.searchsorted(originals, neighbors.rows[originals])
    distances = np.sqrt(np.maximum(2 - 2 * neighbors.similarities[originals], NEAREST**2))
    count, k = near.shape
    ends = np.arange(0, count * k + 1, k)
    graph = sparse.csr_array(
        (distances.ravel().astype(np.float64), near.ravel(), ends), shape=(count, count)
    )
    graph = _joined(graph.maximum(graph.T))
    # On a graph scikit-learn does not count the image itself, so 1 is what else is 2
    clustering = HDBSCAN(
        min_cluster_size=min(least, count), min_samples=1, metric="precomputed", copy=True
    )
    found = np.full(len(neighbors.contents), NO_CLUSTER, np.int32)
    found[originals] = np.maximum(clustering.fit(sparse.csr_matrix(graph)).labels_, NO_CLUSTER)
    return found[neighbors.contents]


def describe(
    vectors: NDArray[np.float32], clusters: NDArray[np.int32], image_labels: ImageLabels
) -> list[Cluster]:
    """Return the clusters that have images in use, those that mix most images first.

    Args:
        vectors: (N, D) float32 unit rows; may be mapped.
        clusters: (N,) of `find_clusters`.
        image_labels: Of the same images.
    """
    rows = np.flatnonzero((clusters >= 0) & image_labels.usable)
    rows = rows[np.argsort(clusters[rows], kind="stable")]
    numbers, starts = np.unique(clusters[rows], return_index=True)
    parts = np.split(rows, starts[1:]) if len(numbers) else []
    found = [
        _cluster(number, part, vectors, image_labels)
        for number, part in zip(numbers.tolist(), parts, strict=True)
    ]
    return sorted(found, key=lambda each: (-each.num_others, -len(each.rows), each.number))


def _cluster(
    number: int, rows: NDArray[np.int64], vectors: NDArray[np.float32], image_labels: ImageLabels
) -> Cluster:
    members = np.asarray(vectors[rows], np.float32)
    similarities = members @ members.mean(axis=0)
    order = np.argsort(-similarities, kind="stable")
    counts = Counter(image_labels.labels[rows].tolist())
    counts.pop(-1, None)
    mix = tuple((image_labels.classes[label], count) for label, count in counts.most_common())
    return Cluster(number, rows[order], similarities[order], mix)


def _joined(graph: sparse.csr_array) -> sparse.csr_array:
    """Link the parts of a symmetric graph to the first: HDBSCAN takes none that is in parts."""
    num_parts, part = connected_components(graph, directed=False)
    if num_parts == 1:
        return graph
    first = np.unique(part, return_index=True)[1]
    ends = np.repeat(first[0], num_parts - 1), first[1:]
    links = sparse.csr_array((np.full(num_parts - 1, FARTHEST), ends), shape=graph.shape)
    return graph + links + links.T
