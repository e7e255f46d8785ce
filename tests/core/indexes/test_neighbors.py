"""Nearest neighbors of every image."""

import numpy as np
import pytest

from core.indexes.neighbors import MAX_COMPARED, find_neighbors
from core.progress import finish
from tests.factories.maps import on_circle, random_rows


def test_neighbors_are_sorted_and_exclude_the_image_itself() -> None:
    found = finish(find_neighbors(on_circle(), 2))
    assert found.rows.tolist() == [[1, 2], [0, 2], [1, 0], [2, 4], [3, 5], [4, 3]]
    assert (found.rows.dtype.name, found.similarities.dtype.name) == ("int32", "float32")
    np.testing.assert_allclose(found.similarities[0], np.cos(np.radians([10, 30])), rtol=1e-5)
    np.testing.assert_allclose(
        found.distances(euclidean=False)[0], 1 - np.cos(np.radians([10, 30])), atol=1e-6
    )
    np.testing.assert_allclose(  # a chord of an angle a is 2 sin(a / 2)
        found.distances(euclidean=True)[0], 2 * np.sin(np.radians([5, 15])), atol=1e-4
    )


def test_equal_embeddings_are_not_their_own_neighbors() -> None:
    found = finish(find_neighbors(np.repeat(on_circle()[:1], 20, axis=0), 5))
    assert not (found.rows == np.arange(20)[:, None]).any()
    assert all(len(set(row)) == 5 for row in found.rows.tolist())


@pytest.mark.slow
def test_many_images_are_searched_in_groups_and_nearly_all_neighbors_are_found() -> None:
    spread = np.random.default_rng(1).normal(0, 0.1, (MAX_COMPARED + 1, 8)).astype(np.float32)
    vectors = np.repeat(random_rows(300, 8), 67, axis=0)[: len(spread)] + spread
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = finish(find_neighbors(vectors, 10))
    sampled = np.arange(0, len(vectors), 200)
    similar = vectors[sampled] @ vectors.T
    similar[np.arange(len(sampled)), sampled] = -np.inf
    exact = np.argsort(-similar, axis=1)[:, :10]
    hits = [len(set(a) & set(b)) for a, b in zip(found.rows[sampled].tolist(), exact, strict=True)]
    assert not (found.rows == np.arange(len(vectors))[:, None]).any()
    assert np.mean(hits) / 10 > 0.95
