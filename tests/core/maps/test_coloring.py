"""Groups of a map's points, by what the catalog knows of them."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets import curation
from core.datasets.catalog import Catalog
from core.indexes.neighbors import Neighbors
from core.maps.coloring import ColorBy, PointFacts, groups_by, predict, predict_at, read_facts
from tests.factories.rows import image_row

IDS = np.arange(1, 6)
NEAR = Neighbors(
    np.array([[1, 2], [0, 3], [0, 1], [2, 0], [2, 2]], np.int32), np.zeros((5, 2), np.float32)
)
CLUSTERS = np.array([0, 0, -1, 1, 1], np.int32)


@pytest.fixture
def facts(tmp_path: Path) -> PointFacts:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.create()
    labels = [("b", "train"), ("a", "test"), (None, None), ("b", "test")]
    catalog.write(new=[image_row(i, *pair) for i, pair in enumerate(labels, 1)])
    curation.add_tag(catalog, [1, 2], "night")
    curation.add_tag(catalog, [2, 4], "blurry")
    return read_facts(catalog, IDS)  # The fifth image is no longer there


@pytest.mark.parametrize(
    ("color_by", "expected"),
    [
        (ColorBy.CLASS, ["b", "a", "unlabeled", "b", "unlabeled"]),
        (ColorBy.SPLIT, ["train", "test", "no split", "test", "no split"]),
        (ColorBy.TAG, ["night", "blurry, night", "no tag", "blurry", "no tag"]),
        (ColorBy.PREDICTED, ["a", "b", "b", "b", "unlabeled"]),
        (ColorBy.CORRECTNESS, ["incorrect", "incorrect", "unlabeled", "correct", "unlabeled"]),
        (ColorBy.CLUSTER, ["cluster 1", "cluster 1", "in no cluster", "cluster 2", "cluster 2"]),
    ],
)
def test_points_are_in_the_groups_of_their_images(
    facts: PointFacts, color_by: ColorBy, expected: list[str]
) -> None:
    groups = groups_by(color_by, facts, NEAR, CLUSTERS)
    assert [groups.names[number] for number in groups.of_points] == expected
    last = [name for name in groups.names if name.startswith(("no ", "in no"))]
    assert list(groups.names) == [*sorted(set(groups.names) - set(last)), *last]


def test_the_vote_of_one_point_is_that_of_all(facts: PointFacts) -> None:
    labels = facts.images.labels
    every = [predict_at(place, labels, NEAR) for place in range(len(labels))]
    assert every == predict(labels, NEAR).tolist()
    assert predict(labels, NEAR).dtype == np.int32
