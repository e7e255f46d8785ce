"""Principal components."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from core.maps import pca
from tests.factories.maps import on_circle, random_rows


def test_components_equal_those_of_scikit_learn_and_project_new_rows() -> None:
    rows = random_rows(200, 6) * np.array([3, 2, 1, 0.5, 0.2, 0.1], np.float32)
    fitted, reference = pca.fit(rows, 3), PCA(3).fit(rows.astype(np.float64))
    np.testing.assert_allclose(np.abs(fitted.axes), np.abs(reference.components_), atol=1e-5)
    assert fitted.explained == pytest.approx(reference.explained_variance_ratio_.sum(), abs=1e-6)
    points = fitted.project(rows[:5])
    assert (points.shape, points.dtype.name) == ((5, 3), "float32")
    np.testing.assert_allclose(np.abs(points), np.abs(reference.transform(rows[:5])), atol=1e-4)
    assert (fitted.axes.max(axis=1) == np.abs(fitted.axes).max(axis=1)).all()


def test_equal_embeddings_are_projected_to_the_origin() -> None:
    fitted = pca.fit(np.repeat(on_circle()[:1], 9, axis=0), 2)
    np.testing.assert_allclose(fitted.project(on_circle()[:1]), [[0, 0]], atol=1e-6)
    assert fitted.explained == 1.0
