"""Classes, splits and status of many images as numbers."""

from pathlib import Path

import numpy as np

from core.datasets import curation
from core.datasets.catalog import Catalog
from core.datasets.coded import EXCLUDED, NONE, PROBLEM, USABLE, read_coded, read_ids
from core.datasets.columns import ImageFilter
from tests.factories.rows import image_row


def new_catalog(path: Path) -> Catalog:
    catalog = Catalog(path / "catalog.sqlite")
    catalog.create()
    labels = [("red", "train"), ("blue", "test"), (None, None), ("red", "test"), ("red", None)]
    catalog.write(new=[image_row(i, *pair) for i, pair in enumerate(labels, 1)])
    curation.exclude(catalog, [2])
    catalog.write(gone=[4])
    return catalog


def test_numbers_are_those_of_the_rows_and_none_where_there_is_no_image(tmp_path: Path) -> None:
    ids = np.array([0, 1, 2, 3, 4, 9])
    read = read_coded(new_catalog(tmp_path), ids)
    assert read.classes == ["blue", "red"]
    assert read.labels.tolist() == [NONE, 1, 0, NONE, 1, NONE]
    assert read.splits.tolist() == [NONE, 0, 2, NONE, 2, NONE]
    assert read.statuses.tolist() == [NONE, USABLE, EXCLUDED, USABLE, PROBLEM, NONE]
    assert [read.labels.dtype, read.splits.dtype, read.statuses.dtype] == [
        np.int32,
        np.int8,
        np.int8,
    ]


def test_no_images_have_no_numbers(tmp_path: Path) -> None:
    read = read_coded(new_catalog(tmp_path), np.empty(0, np.int64))
    assert len(read.labels) == len(read.splits) == len(read.statuses) == 0


def test_ids_are_ascending(tmp_path: Path) -> None:
    catalog = new_catalog(tmp_path)
    assert read_ids(catalog).tolist() == [1, 3, 5]
    assert read_ids(catalog, ImageFilter(labels=("red",))).tolist() == [1, 5]
    none = read_ids(catalog, ImageFilter(labels=("green",)))
    assert none.tolist() == []
    assert none.dtype == np.int64
