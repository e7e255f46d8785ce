"""Breakdowns equal the counts of each filter alone, and large catalogs are counted by indexes."""

import itertools
from pathlib import Path

import pytest

from core.datasets import curation, facets
from core.datasets.catalog import Catalog
from core.datasets.columns import ALL_IMAGES, FILTERS, ImageFilter, ImageStatus, Order, Split
from core.datasets.filter_kinds import AnyOf
from core.datasets.schema import counted, ordered
from tests.factories.rows import image_row

LABELS, SPLITS = ("red", "blue", None), ("train", "test", None)
FILTERED = [
    ImageFilter(),
    ImageFilter(labels=("red", "")),
    ImageFilter(splits=(Split.TEST, "")),
    ImageFilter(labels=("blue",), splits=(Split.TRAIN,)),
    ImageFilter(status=ImageStatus.READABLE),
    ImageFilter(status=ImageStatus.PROBLEM),
    ImageFilter(status=ImageStatus.EXCLUDED, text="1"),
    ImageFilter(tags=("best",), labels=("red",)),
    ImageFilter(side=(10, 30), splits=("",)),
]


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    catalog = Catalog(tmp_path / "catalog.sqlite")
    catalog.create()
    pairs = itertools.islice(itertools.cycle(itertools.product(LABELS, SPLITS)), 40)
    catalog.write(
        new=[
            image_row(number, label, split)._replace(width=number, height=50 - number)
            for number, (label, split) in enumerate(pairs, 1)
        ]
    )
    curation.exclude(catalog, range(3, 40, 5))
    curation.add_tag(catalog, range(1, 40, 4), "best")
    catalog.write(gone=[7, 18])
    return catalog


@pytest.mark.parametrize("images", FILTERED, ids=str)
def test_a_breakdown_counts_as_each_query_alone(catalog: Catalog, images: ImageFilter) -> None:
    breakdown = facets.break_down(catalog, images)
    assert breakdown.count(images) == catalog.count(images)
    assert breakdown.class_counts(images) == catalog.class_counts(images)
    for name in ("labels", "splits"):
        kind = FILTERS[name]
        assert isinstance(kind, AnyOf)
        wider = images.having(**{name: ()})
        expected = facets.value_counts(catalog, kind, wider)
        assert list(breakdown.value_counts(kind, wider).items()) == list(expected.items())


@pytest.mark.parametrize("images", FILTERED, ids=str)
def test_selected_ids_among_others(catalog: Catalog, images: ImageFilter) -> None:
    assert catalog.among(range(5, 25), images) == set(catalog.ids(images)) & set(range(5, 25))


def test_an_image_without_class_is_found_by_an_empty_class(catalog: Catalog) -> None:
    rows = catalog.rows(ImageFilter(labels=("", "blue")))
    assert {row.label for row in rows} == {None, "blue"}
    assert {row.label for row in catalog.rows(ImageFilter(labels=("",)))} == {None}


def plan(catalog: Catalog, query: str) -> str:
    return " ".join(row[3] for row in catalog.select(f"EXPLAIN QUERY PLAN {query}"))


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize(
    "images", [ALL_IMAGES, ImageFilter(status=ImageStatus.READABLE)], ids=["usable", "readable"]
)
def test_a_page_is_read_from_an_index_alone(
    catalog: Catalog, order: Order, images: ImageFilter
) -> None:
    query = f"SELECT id FROM images WHERE {images.where()[0]} ORDER BY {order.sql} LIMIT 60"
    found = plan(catalog, query)
    assert "COVERING INDEX" in found
    assert "TEMP B-TREE" not in found


@pytest.mark.parametrize("columns", ["label, split", "width, height"])
def test_counts_are_read_from_an_index_alone(catalog: Catalog, columns: str) -> None:
    where = ALL_IMAGES.where()[0]
    found = plan(catalog, f"SELECT COUNT(*) FROM images WHERE {where} GROUP BY {columns}")
    assert "COVERING INDEX" in found
    assert "TEMP B-TREE" not in found


def test_a_class_is_found_by_an_index(catalog: Catalog) -> None:
    where = ImageFilter(labels=("red",)).where()[0].replace("?", "'red'")
    assert "SEARCH images USING" in plan(catalog, f"SELECT id FROM images WHERE {where}")


def test_images_with_a_tag_are_counted_by_an_index_alone(catalog: Catalog) -> None:
    images = ImageFilter(tags=("best",))
    where = images.where()[0].replace("?", "'best'")
    found = plan(catalog, f"SELECT COUNT(*) FROM {counted(images)} WHERE {where}")
    assert "SEARCH images USING COVERING INDEX images_by_added (id=?" in found
    assert counted(ImageFilter(tags=("best",), labels=("red",))) == "images"


@pytest.mark.parametrize("order", Order)
def test_a_page_of_many_images_of_a_tag_is_read_in_order(
    catalog: Catalog, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = ImageFilter(tags=("best",))
    expected = catalog.rows(images, order=order, offset=2, limit=4)
    monkeypatch.setattr("core.datasets.catalog.MANY", 1)
    assert catalog.rows(images, order=order, offset=2, limit=4) == expected
    where = images.where()[0].replace("?", "'best'")
    query = f"SELECT id FROM {ordered(order)} WHERE {where} ORDER BY {order.sql} LIMIT 60"
    assert "COVERING INDEX" in plan(catalog, query)
    assert "TEMP B-TREE" not in plan(catalog, query)
