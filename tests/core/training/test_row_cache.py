from pathlib import Path

import numpy as np
import pytest

from core.training.row_cache import RowCache

SHAPE = (5, 2, 3)


def filled(path: Path) -> np.ndarray:
    rows = np.arange(30, dtype=np.float16).reshape(SHAPE)
    kept = RowCache.create(path, SHAPE, np.float16)
    kept[np.array([4, 0, 2])] = rows[[4, 0, 2]]
    kept[np.array([1, 3])] = rows[[1, 3]]
    kept.close()
    return rows


def test_rows_are_read_back_in_any_order_and_by_numpy_too(tmp_path: Path) -> None:
    rows = filled(tmp_path / "some.npy")
    kept = RowCache(tmp_path / "some.npy")
    assert (kept.shape, kept.dtype.name, len(kept)) == (SHAPE, "float16", 5)
    read = kept[np.array([3, 3, 0])]
    assert (read.shape, read.dtype.name) == ((3, 2, 3), "float16")
    assert np.array_equal(read, rows[[3, 3, 0]])
    assert np.array_equal(np.load(tmp_path / "some.npy"), rows)


def test_rows_that_were_never_written_are_zero(tmp_path: Path) -> None:
    RowCache.create(tmp_path / "some.npy", SHAPE, np.uint8).close()
    assert not RowCache(tmp_path / "some.npy")[np.arange(5)].any()


def test_a_row_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    filled(tmp_path / "some.npy")
    with pytest.raises(IndexError, match="row 5 of 5"):
        RowCache(tmp_path / "some.npy")[np.array([5])]


def test_a_file_cut_short_is_noticed(tmp_path: Path) -> None:
    filled(tmp_path / "some.npy")
    kept = RowCache(tmp_path / "some.npy")
    with (tmp_path / "some.npy").open("rb+") as file:
        file.truncate(140)
    with pytest.raises(OSError, match="shorter than it says"):
        kept[np.array([4])]
