"""Labels, splits and status from the catalog."""

import numpy as np

from core.datasets import curation
from core.datasets.coded import NONE
from core.quality.labels import read_image_labels
from tests.factories.quality import DuplicateSet


def test_labels_are_those_of_the_catalog(duplicate_set: DuplicateSet) -> None:
    catalog, _, _, image_labels = duplicate_set
    assert image_labels.classes == ["a", "b"]
    assert image_labels.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert image_labels.splits.tolist() == [0, 2, 0, 2, 0, 0]
    assert image_labels.among(("a",), ("train",)).tolist() == [
        True,
        False,
        True,
        False,
        False,
        False,
    ]
    curation.exclude(catalog, [1])
    now = read_image_labels(catalog, np.arange(1, 9))  # Two that are no longer there
    assert now.usable.tolist() == [False, True, True, True, True, True, False, False]
    assert now.labels[0] == NONE
