"""Boxes in a catalog."""

from pathlib import Path

import pytest

from core.datasets import facets
from core.datasets.annotations.annotation import Box
from core.datasets.catalog import Catalog
from core.datasets.columns import FILTERS, ImageFilter
from core.datasets.filter_kinds import AnyRelated
from core.datasets.filters import as_texts, from_texts, parts_of
from tests.factories.rows import image_row

CAT = Box("cat", 0.25, 0.5, 0.125, 0.1)
DOG = Box("dog", 0.0, 0.0, 1.0, 1.0)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.create()
    catalog.write(new=[image_row(number) for number in (1, 2, 3)])
    return catalog


def test_boxes_come_back_in_their_order(catalog: Catalog) -> None:
    catalog.set_boxes({1: [DOG, CAT, CAT], 2: [CAT]})
    assert catalog.boxes_of([1, 2, 3]) == {1: (DOG, CAT, CAT), 2: (CAT,)}
    assert catalog.boxes_of([3]) == {}


def test_new_boxes_replace_those_of_their_images_only(catalog: Catalog) -> None:
    catalog.set_boxes({1: [DOG, CAT], 2: [CAT]})
    catalog.set_boxes({1: [CAT], 3: []})
    assert catalog.boxes_of([1, 2, 3]) == {1: (CAT,), 2: (CAT,)}


def test_boxes_change_the_revision_but_not_what_models_depend_on(catalog: Catalog) -> None:
    before = catalog.revision, catalog.fingerprint
    catalog.set_boxes({1: [CAT]})
    assert catalog.revision > before[0]
    assert catalog.fingerprint == before[1]


def test_boxes_go_with_their_image(catalog: Catalog) -> None:
    catalog.set_boxes({1: [CAT], 2: [DOG]})
    catalog.forget([1])
    assert catalog.select("SELECT image_id FROM boxes") == [(2,)]


def test_a_rescan_keeps_the_boxes(catalog: Catalog) -> None:
    catalog.set_boxes({1: [CAT]})
    catalog.write(changed={1: image_row(1, content=9)}, gone=[2])
    assert catalog.boxes_of([1]) == {1: (CAT,)}


def test_images_are_filtered_and_counted_by_the_classes_of_their_boxes(catalog: Catalog) -> None:
    catalog.set_boxes({1: [DOG, CAT, CAT], 2: [CAT]})
    kind = FILTERS["box_labels"]
    assert isinstance(kind, AnyRelated)
    assert catalog.ids(ImageFilter(box_labels=("dog",))) == [1]
    assert catalog.ids(ImageFilter(box_labels=("dog", "cat"), labels=("red",))) == [1, 2]
    assert facets.value_counts(catalog, kind) == {"cat": 2, "dog": 1}
    assert facets.value_counts(catalog, kind, ImageFilter(labels=("blue",))) == {}
    chosen = ImageFilter(box_labels=("cat",))
    assert as_texts(chosen) == {"box": ["cat"]}
    assert from_texts({"box": ["cat"]}) == chosen
    assert parts_of(chosen) == [("Box class: cat", ImageFilter())]
