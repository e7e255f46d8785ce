"""Near-duplicates by embedding."""

import numpy as np
import pytest

from core.datasets import curation
from core.datasets.duplicates import Kind, proposal
from core.quality.labels import read_image_labels
from core.quality.near_duplicates import default_threshold, group_near_duplicates, link
from tests.factories.quality import DuplicateSet, neighbors_of
from tests.factories.vectors import at_angles


def test_images_are_linked_to_a_representative_and_not_in_a_chain() -> None:
    vectors = at_angles(0, 8, 16, 24, 90)
    representatives, lowest = link(
        neighbors_of(vectors, 4), np.ones(5, bool), np.cos(np.deg2rad(9))
    )
    groups = [
        np.flatnonzero(representatives == representative).tolist()
        for representative in np.unique(representatives)
    ]
    assert sorted(map(len, groups)) == [1, 2, 2] or sorted(map(len, groups)) == [1, 1, 3]
    for representative in np.unique(representatives):
        members = vectors[representatives == representative]
        assert (members @ vectors[representative] >= np.cos(np.deg2rad(9)) - 1e-6).all()
    assert lowest.min() == pytest.approx(np.cos(np.deg2rad(8)), abs=1e-5)


def test_a_group_has_the_kind_of_its_similarity(duplicate_set: DuplicateSet) -> None:
    catalog, ids, neighbors, image_labels = duplicate_set
    model, exact = group_near_duplicates(neighbors, ids, image_labels.usable, catalog, 0.99)
    assert (exact.kind, [member.id for member in exact.members]) == (Kind.EXACT, [2, 1])
    assert proposal(exact) == (1,)  # The copy in train goes
    assert (model.kind, {member.id for member in model.members}) == (Kind.MODEL, {3, 4})
    assert model.similarity == pytest.approx(np.cos(np.deg2rad(5)), abs=1e-5)
    assert model.is_leaking
    assert model.conflicting  # So it comes first
    assert [
        g.kind for g in group_near_duplicates(neighbors, ids, image_labels.usable, catalog, 0.999)
    ] == [Kind.EXACT]
    with pytest.raises(ValueError, match="threshold must be in"):
        group_near_duplicates(neighbors, ids, image_labels.usable, catalog, 0.2)


def test_a_group_disappears_once_the_copy_is_excluded(duplicate_set: DuplicateSet) -> None:
    catalog, ids, neighbors, _ = duplicate_set
    curation.exclude(catalog, [1])
    usable = read_image_labels(catalog, ids).usable
    [left] = group_near_duplicates(neighbors, ids, usable, catalog, 0.99)
    assert left.kind == Kind.MODEL


def test_the_default_threshold_follows_the_distances_of_the_embeddings() -> None:
    spread = neighbors_of(at_angles(0, 20, 60, 80), 3)  # Each 20° from its nearest
    close = neighbors_of(at_angles(0, 2, 60, 62), 3)
    distance = 1 - np.cos(np.deg2rad(20))
    assert default_threshold(spread) == pytest.approx(1 - 0.13 * distance, abs=1e-5)
    assert default_threshold(close) > default_threshold(spread)


def test_copies_do_not_move_the_default_threshold() -> None:
    once = neighbors_of(at_angles(0, 20, 60, 65), 3)
    copied = neighbors_of(at_angles(0, 20, 60, 65, 65, 65, 65), 3, [0, 1, 2, 3, 3, 3, 3])
    assert default_threshold(copied) == pytest.approx(default_threshold(once))


def test_groups_use_the_default_threshold(duplicate_set: DuplicateSet) -> None:
    # The nearest neighbors of the different images are 40°, 5°, 5°, 50° and 50° away
    assert default_threshold(duplicate_set.neighbors) == pytest.approx(
        1 - 0.13 * (1 - np.cos(np.deg2rad(40))), abs=1e-5
    )
