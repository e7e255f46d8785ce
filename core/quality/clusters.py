"""Clusters of similar images, found without their labels, and the classes in them.

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
"""The number of images outside all clusters."""

FARTHEST = 2.0
"""Distance of two opposite unit vectors; links parts of the graph that are not connected."""

NEAREST = 1e-6
"""Replaces a distance of zero, which a sparse graph would take for no link."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster with the current labels of its images."""

    number: int
    """Its number in the analysis, from 0."""

    rows: NDArray[np.int64]
    """(N,) rows of its usable images, the most central one (the medoid) first."""

    similarities: NDArray[np.float32]
    """(N,) mean cosine similarity of each to all images of the cluster, itself included."""

    mix: tuple[tuple[str, int], ...]
    """(class, number of its images), the most frequent first; unlabeled images do not count."""

    @property
    def purity(self) -> float:
        """Share of the most frequent class among the labeled images; 1 where none is labeled."""
        labeled = sum(count for _, count in self.mix)
        return self.mix[0][1] / labeled if labeled else 1.0

    @property
    def num_others(self) -> int:
        """Number of labeled images that are not of the most frequent class."""
        return sum(count for _, count in self.mix[1:])


def find_clusters(neighbors: Neighbors, min_size: int) -> NDArray[np.int32]:
    """Cluster the images by HDBSCAN on the graph of their neighbors.

    Campello, Moulavi & Sander (*Density-Based Clustering Based on Hierarchical Density Estimates*,
    2013), as in scikit-learn, with the lowest density (`min_samples` 2). No distance is computed
    between images that are not neighbors, so the time grows with the number of images and not with
    its square. At this density it is single linkage, and equals HDBSCAN on all distances if the
    graph is connected; otherwise its parts are treated as far from each other.

    Args:
        neighbors: Of the images.
        min_size: Fewest images of a cluster, not counting copies.

    Returns:
        (N,) int32 cluster number of each image, from 0, or `NO_CLUSTER`.
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
    graph = _connected(graph.maximum(graph.T))
    # On a graph scikit-learn does not count the image itself: 1 here is 2 elsewhere
    clustering = HDBSCAN(
        min_cluster_size=min(min_size, count), min_samples=1, metric="precomputed", copy=True
    )
    clusters = np.full(len(neighbors.contents), NO_CLUSTER, np.int32)
    clusters[originals] = np.maximum(clustering.fit(sparse.csr_matrix(graph)).labels_, NO_CLUSTER)
    return clusters[neighbors.contents]


def describe(
    vectors: NDArray[np.float32], clusters: NDArray[np.int32], image_labels: ImageLabels
) -> list[Cluster]:
    """Return the clusters that have usable images, those with most images of other classes first.

    `vectors` are (N, D) float32 unit rows, which may be mapped; `clusters` of `find_clusters`.
    """
    rows = np.flatnonzero((clusters >= 0) & image_labels.usable)
    rows = rows[np.argsort(clusters[rows], kind="stable")]
    numbers, starts = np.unique(clusters[rows], return_index=True)
    parts = np.split(rows, starts[1:]) if len(numbers) else []
    described = [
        _cluster(number, part, vectors, image_labels)
        for number, part in zip(numbers.tolist(), parts, strict=True)
    ]
    return sorted(described, key=lambda each: (-each.num_others, -len(each.rows), each.number))


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


def _connected(graph: sparse.csr_array) -> sparse.csr_array:
    """Link all parts of a symmetric graph to the first; HDBSCAN needs a connected graph."""
    num_parts, part = connected_components(graph, directed=False)
    if num_parts == 1:
        return graph
    first = np.unique(part, return_index=True)[1]
    ends = np.repeat(first[0], num_parts - 1), first[1:]
    links = sparse.csr_array((np.full(num_parts - 1, FARTHEST), ends), shape=graph.shape)
    return graph + links + links.T
