import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness as theirs

from core.indexes.neighbors import MAX_COMPARED
from core.maps import pca, quality
from core.maps.clusters import NO_CLUSTER, find_clusters, medoids
from core.maps.config import MapMetric
from core.maps.density import density
from core.maps.neighbors import Neighbors, find_neighbors
from core.progress import finish
from tests.factories.circles import at

DEGREES = (0, 10, 30, 60, 100, 150)


def on_circle() -> NDArray[np.float32]:
    """(6, 2) unit vectors, each further from the last."""
    return at(*DEGREES)


def random_rows(count: int, dimension: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(0).normal(size=(count, dimension))
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit.astype(np.float32)


def test_neighbors_come_nearest_first_and_never_the_image_itself() -> None:
    found = finish(find_neighbors(on_circle(), 2))
    assert found.rows.tolist() == [[1, 2], [0, 2], [1, 0], [2, 4], [3, 5], [4, 3]]
    assert (found.rows.dtype.name, found.similarities.dtype.name) == ("int32", "float32")
    np.testing.assert_allclose(found.similarities[0], np.cos(np.radians([10, 30])), rtol=1e-5)
    np.testing.assert_allclose(
        found.distances(MapMetric.COSINE)[0], 1 - np.cos(np.radians([10, 30])), atol=1e-6
    )
    np.testing.assert_allclose(  # a chord of an angle a is 2 sin(a / 2)
        found.distances(MapMetric.EUCLIDEAN)[0], 2 * np.sin(np.radians([5, 15])), atol=1e-4
    )


def test_of_many_twins_none_finds_itself() -> None:
    found = finish(find_neighbors(np.repeat(on_circle()[:1], 20, axis=0), 5))
    assert not (found.rows == np.arange(20)[:, None]).any()
    assert all(len(set(row)) == 5 for row in found.rows.tolist())


def test_many_images_are_searched_in_groups_and_nearly_all_neighbors_are_found() -> None:
    spread = np.random.default_rng(1).normal(0, 0.1, (MAX_COMPARED + 1, 8)).astype(np.float32)
    vectors = np.repeat(random_rows(300, 8), 67, axis=0)[: len(spread)] + spread
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = finish(find_neighbors(vectors, 10))
    asked = np.arange(0, len(vectors), 200)
    similar = vectors[asked] @ vectors.T
    similar[np.arange(len(asked)), asked] = -np.inf
    exact = np.argsort(-similar, axis=1)[:, :10]
    hits = [len(set(a) & set(b)) for a, b in zip(found.rows[asked].tolist(), exact, strict=True)]
    assert not (found.rows == np.arange(len(vectors))[:, None]).any()
    assert np.mean(hits) / 10 > 0.95


def test_components_are_those_of_scikit_learn_and_project_new_rows() -> None:
    rows = random_rows(200, 6) * np.array([3, 2, 1, 0.5, 0.2, 0.1], np.float32)
    fitted, reference = pca.fit(rows, 3), PCA(3).fit(rows.astype(np.float64))
    np.testing.assert_allclose(np.abs(fitted.axes), np.abs(reference.components_), atol=1e-5)
    assert fitted.explained == pytest.approx(reference.explained_variance_ratio_.sum(), abs=1e-6)
    points = fitted.project(rows[:5])
    assert (points.shape, points.dtype.name) == ((5, 3), "float32")
    np.testing.assert_allclose(np.abs(points), np.abs(reference.transform(rows[:5])), atol=1e-4)
    assert (fitted.axes.max(axis=1) == np.abs(fitted.axes).max(axis=1)).all()


def test_components_of_nothing_but_twins_are_points_at_the_origin() -> None:
    fitted = pca.fit(np.repeat(on_circle()[:1], 9, axis=0), 2)
    np.testing.assert_allclose(fitted.project(on_circle()[:1]), [[0, 0]], atol=1e-6)
    assert fitted.explained == 1.0


def test_a_point_keeps_the_share_of_its_neighbors_that_are_near_it_on_the_map() -> None:
    points = np.array([[0, 0], [1, 0], [2.1, 0], [10, 0]], np.float32)
    rows = np.array([[1, 2], [2, 3], [3, 0], [2, 1]], np.int32)
    true = Neighbors(rows, np.zeros((4, 2), np.float32))
    # On the map: 0 → 1, 2; 1 → 0, 2; 2 → 1, 0; 3 → 2, 1
    assert quality.preservation(points, true).tolist() == [1.0, 0.5, 0.5, 1.0]
    assert quality.preservation(points, true).dtype == np.float32


def test_on_a_map_of_coinciding_points_none_is_its_own_neighbor() -> None:
    near = quality.nearest_on_map(np.zeros((8, 2), np.float32), 3)
    assert not (near == np.arange(8)[:, None]).any()


@pytest.mark.parametrize("k", [5, 15])
def test_trustworthiness_is_that_of_scikit_learn(k: int) -> None:
    vectors = random_rows(300, 16)
    for points in (pca.fit(vectors, 2).project(vectors), vectors[::-1, :2].copy()):
        ours = finish(quality.trustworthiness(vectors, points, k))
        assert ours == pytest.approx(
            theirs(vectors, points, n_neighbors=k, metric="cosine"), abs=1e-3
        )


def test_of_many_images_trustworthiness_is_estimated_closely() -> None:
    vectors = random_rows(quality.MAX_JUDGED + 500, 8)
    points = pca.fit(vectors, 2).project(vectors)
    ours = finish(quality.trustworthiness(vectors, points))
    assert ours == pytest.approx(theirs(vectors, points, n_neighbors=15, metric="cosine"), abs=0.01)


def test_clusters_are_found_the_largest_first_and_what_lies_between_is_none() -> None:
    random = np.random.default_rng(0)
    groups = [random.normal(at, 0.1, (size, 2)) for at, size in ((0, 20), (5, 40), (9, 30))]
    points = np.vstack([*groups, [[30, -30]], [[-8, 8]]]).astype(np.float32)
    found = find_clusters(points)
    assert found.dtype == np.int32
    assert [set(found[:20]), set(found[20:60]), set(found[60:90])] == [{2}, {0}, {1}]
    assert found[90:].tolist() == [NO_CLUSTER, NO_CLUSTER]
    middles = points[medoids(points, found)]
    np.testing.assert_allclose(middles, [[5, 5], [9, 9], [0, 0]], atol=0.1)


def test_points_without_clusters_have_none() -> None:
    found = find_clusters(random_rows(5, 2))
    assert found.tolist() == [NO_CLUSTER] * 5
    assert medoids(random_rows(5, 2), found).tolist() == []


def test_density_is_greatest_where_most_points_lie() -> None:
    random = np.random.default_rng(0)
    points = np.vstack([random.normal((0, 0), 0.3, (300, 2)), random.normal((8, 4), 0.3, (100, 2))])
    found = density(points.astype(np.float32))
    row, column = np.unravel_index(found.values.argmax(), found.values.shape)
    assert abs(found.x[column]) < 0.5
    assert abs(found.y[row]) < 0.5
    assert found.values.max() == 1.0
    other = found.values[np.abs(found.y - 4).argmin(), np.abs(found.x - 8).argmin()]
    assert 0.15 < other < 0.6  # A third of the points
    assert found.values[np.abs(found.y - 2).argmin(), np.abs(found.x - 4).argmin()] < 0.05


def test_density_of_points_on_one_spot_is_drawn() -> None:
    found = density(np.ones((5, 2), np.float32))
    assert np.isfinite(found.values).all()
    assert found.values.max() == 1.0
