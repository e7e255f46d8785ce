from pathlib import Path

import numpy as np
import pytest

from core.training.cache import RowCache

SHAPE = (5, 2, 3)


def filled(path: Path) -> np.ndarray:
    rows = np.arange(30, dtype=np.float16).reshape(SHAPE)
    cache = RowCache.create(path, SHAPE, np.float16)
    cache[np.array([4, 0, 2])] = rows[[4, 0, 2]]
    cache[np.array([1, 3])] = rows[[1, 3]]
    cache.close()
    return rows


def test_rows_are_read_back_in_any_order_and_by_numpy_too(tmp_path: Path) -> None:
    rows = filled(tmp_path / "some.npy")
    cache = RowCache(tmp_path / "some.npy")
    assert (cache.shape, cache.dtype.name, len(cache)) == (SHAPE, "float16", 5)
    read = cache[np.array([3, 3, 0])]
    assert (read.shape, read.dtype.name) == ((3, 2, 3), "float16")
    assert np.array_equal(read, rows[[3, 3, 0]])
    assert np.array_equal(np.load(tmp_path / "some.npy"), rows)


def test_unwritten_rows_are_zero(tmp_path: Path) -> None:
    RowCache.create(tmp_path / "some.npy", SHAPE, np.uint8).close()
    assert not RowCache(tmp_path / "some.npy")[np.arange(5)].any()


def test_a_row_out_of_range_is_an_error(tmp_path: Path) -> None:
    filled(tmp_path / "some.npy")
    with pytest.raises(IndexError, match="row 5 of 5"):
        RowCache(tmp_path / "some.npy")[np.array([5])]


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    filled(tmp_path / "some.npy")
    cache = RowCache(tmp_path / "some.npy")
    with (tmp_path / "some.npy").open("rb+") as file:
        file.truncate(140)
    with pytest.raises(OSError, match="shorter than it says"):
        cache[np.array([4])]
