"""Images in which an index differs from its collection: no server is needed."""

from pathlib import Path

import numpy as np
import pytest

from core.indexes.milvus.changes import Changes, most_changes, no_changes, read_changes
from tests.factories.vectors import at_angles


@pytest.fixture
def changes() -> Changes:
    """Image 3 is removed, 5 changed, 8 and 9 added."""
    added = no_changes(2).adding(at_angles(90, 0, 60), np.array([5, 8, 9]), ("a", "b", "a"))
    return added.hiding(np.array([5, 3]))


def test_added_images_are_found_by_similarity(changes: Changes) -> None:
    first, second = changes.search(at_angles(0, 80), 2, None, ())
    assert first.image_ids.tolist() == [8, 9]
    np.testing.assert_allclose(first.similarities, [1.0, 0.5], atol=1e-6)
    assert second.image_ids.tolist() == [5, 9]
    assert first.image_ids.dtype == np.int64
    assert first.similarities.dtype == np.float32


def test_a_search_is_restricted_to_classes_or_else_to_ids(changes: Changes) -> None:
    [found] = changes.search(at_angles(0), 9, np.array([8]), ("a",))
    assert found.image_ids.tolist() == [9, 5]
    [found] = changes.search(at_angles(0), 9, np.array([8, 5, 77]), ())
    assert found.image_ids.tolist() == [8, 5]
    for nothing in (
        changes.search(at_angles(0), 9, np.array([3]), ()),
        *[changes.search(at_angles(0), 9, None, ("c",))],
    ):
        assert [len(each.image_ids) for each in nothing] == [0]


def test_removed_images_are_those_that_are_not_added_too(changes: Changes) -> None:
    assert len(changes) == 5
    assert changes.removed.tolist() == [3]
    fewer = changes.without(np.array([5, 9]))
    assert (fewer.image_ids.tolist(), fewer.labels) == ([8], ("b",))
    assert fewer.removed.tolist() == [3, 5]


def test_changes_are_read_as_they_were_written(changes: Changes, tmp_path: Path) -> None:
    changes.save(tmp_path)
    read = read_changes(tmp_path, 2)
    assert read.labels == changes.labels
    for name in ("hidden", "image_ids", "vectors"):
        np.testing.assert_array_equal(getattr(read, name), getattr(changes, name))
        assert getattr(read, name).dtype == getattr(changes, name).dtype


def test_no_changes_are_no_files(tmp_path: Path) -> None:
    no_changes(2).save(tmp_path)
    assert not list(tmp_path.iterdir())
    read = read_changes(tmp_path, 2)
    assert len(read) == 0
    assert read.vectors.shape == (0, 2)


@pytest.mark.parametrize(
    ("count", "most"),
    [(30, 1_000), (100_000, 1_000), (1_000_000, 10_000), (10_000_000, 50_000)],
)
def test_how_many_changes_an_index_may_have_grows_with_it(count: int, most: int) -> None:
    assert most_changes(count) == most
