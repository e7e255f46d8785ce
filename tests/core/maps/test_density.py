"""Density of points."""

import numpy as np

from core.maps.density import density


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


def test_density_of_coinciding_points_is_finite() -> None:
    found = density(np.ones((5, 2), np.float32))
    assert np.isfinite(found.values).all()
    assert found.values.max() == 1.0
