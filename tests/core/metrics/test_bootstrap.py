import numpy as np
import pytest

from core.metrics import bootstrap as bootstrap_module
from core.metrics.bootstrap import bootstrap

GROUPS = np.array([0, 0, 0, 1])


def test_the_means_are_over_queries_and_over_groups() -> None:
    values = np.array([[1.0, 0], [1, 0], [1, 0], [0, 1]])
    micro, macro = bootstrap(values, GROUPS, 200, 0)
    assert micro.mean.tolist() == [0.75, 0.25]
    assert macro.mean.tolist() == [0.5, 0.5]
    assert micro.low.shape == micro.high.shape == (2,)
    # One of four queries: each replicate has 0 to 4 of it
    assert 0 <= micro.low[0] < 0.75 < micro.high[0] <= 1


def test_equal_values_have_an_interval_of_width_zero() -> None:
    micro, macro = bootstrap(np.full((4, 1), 0.3), GROUPS, 50, 0)
    for found in (micro, macro):
        assert [found.low[0], found.high[0]] == pytest.approx([0.3, 0.3])


@pytest.mark.slow
def test_a_large_sample_has_the_interval_of_the_normal_distribution() -> None:
    hits = (np.arange(1000) % 4 == 0).astype(np.float64)[:, None]
    micro, _ = bootstrap(hits, np.zeros(1000, np.int64), 4000, 1)
    error = 1.96 * np.sqrt(0.25 * 0.75 / 1000)
    assert [micro.low[0], micro.high[0]] == pytest.approx([0.25 - error, 0.25 + error], abs=2e-3)


def test_a_macro_mean_is_over_the_resampled_groups() -> None:
    """Half of the replicates hold only one of the two queries, and so one of the two groups."""
    _, macro = bootstrap(np.array([[1.0], [0.0]]), np.array([5, 9]), 4000, 0)
    assert (macro.mean[0], macro.low[0], macro.high[0]) == (0.5, 0.0, 1.0)


def test_a_seed_reproduces_and_batches_resample_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((50, 3))
    groups = np.arange(50) % 7
    whole = bootstrap(values, groups, 100, 3)
    monkeypatch.setattr(bootstrap_module, "WEIGHTS_IN_MEMORY", 50 * 7)
    again = bootstrap(values, groups, 100, 3)
    for one, other in zip(whole, again, strict=True):
        assert np.allclose(one.low, other.low)
        assert np.allclose(one.high, other.high)
    other_seed = bootstrap(values, groups, 100, 4)[0]
    assert not np.array_equal(other_seed.low, whole[0].low)


def test_without_replicates_there_is_no_interval_and_without_queries_no_mean() -> None:
    micro, _ = bootstrap(np.ones((4, 1)), GROUPS, 0, 0)
    assert micro.mean.tolist() == [1.0]
    assert np.isnan(micro.low).all()
    with pytest.raises(ValueError, match="no queries"):
        bootstrap(np.ones((0, 1)), np.zeros(0, np.int64), 10, 0)
