"""Nearest neighbors without copies, on vectors whose similarities can be checked by hand."""

import numpy as np

from core.quality.neighbors import first_rows, outlierness
from tests.factories.embeddings import clusters as clustered
from tests.factories.quality import neighbors_of
from tests.factories.vectors import at_angles


def test_neighbors_are_the_other_images_nearest_first() -> None:
    found = neighbors_of(at_angles(0, 60, 90, 180), k=2)
    assert found.rows.tolist() == [[1, 2], [2, 0], [1, 0], [2, 1]]
    np.testing.assert_allclose(found.similarities[0], [0.5, 0], atol=1e-6)
    assert found.rows.dtype == np.dtype("i4")
    assert found.similarities.dtype == np.dtype("f4")
    assert found.contents.tolist() == found.originals.tolist() == [0, 1, 2, 3]


def test_neighbors_equal_those_of_a_brute_force_search() -> None:
    vectors = clustered(1500)  # More than one block
    found = neighbors_of(vectors, k=7)
    similarities = vectors @ vectors.T
    np.fill_diagonal(similarities, -2)
    best = np.sort(similarities, axis=1)[:, ::-1][:, :7]
    np.testing.assert_allclose(found.similarities, best, atol=1e-5)
    assert not (found.rows == np.arange(1500)[:, None]).any()


def test_copies_are_not_neighbors_and_only_one_of_them_is_a_neighbor_of_others() -> None:
    found = neighbors_of(at_angles(0, 0, 60, 90, 0), k=9, contents=[7, 7, 8, 9, 7])
    assert found.contents.tolist() == [0, 0, 2, 3, 0]
    assert found.rows.tolist() == [[2, 3], [2, 3], [3, 0], [2, 0], [2, 3]]


def test_images_with_equal_embeddings_are_not_their_own_neighbors() -> None:
    found = neighbors_of(at_angles(*[0] * 30), k=4)
    assert found.rows.shape == (30, 4)
    assert not (found.rows == np.arange(30)[:, None]).any()


def test_an_unknown_content_is_not_a_copy() -> None:
    hashes = np.array([[0] * 32, [1] * 32, [0] * 32, [1] * 32], np.uint8)
    assert first_rows(hashes).tolist() == [0, 1, 2, 1]


def test_the_score_is_the_mean_distance_to_the_neighbors() -> None:
    found = outlierness(neighbors_of(at_angles(0, 60, 90), k=2))
    cos_30 = np.sqrt(3) / 2
    expected = [1 - (0.5 + 0) / 2, 1 - (cos_30 + 0.5) / 2, 1 - (cos_30 + 0) / 2]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_planted_outliers_come_first() -> None:
    draw = np.random.default_rng(1)
    vectors = np.vstack([clustered(400), draw.normal(size=(5, 16)).astype(np.float32)])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert set(np.argsort(-outlierness(neighbors_of(vectors)))[:5]) == set(range(400, 405))
