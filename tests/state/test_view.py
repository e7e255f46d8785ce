"""Which images a page shows: filters, orders, counts, and how an address carries them."""

from pathlib import Path

import numpy as np
import pytest

from core.datasets import curation, facets
from core.datasets.catalog import Catalog
from core.datasets.columns import FILTERS, NO_LABEL, ImageFilter, ImageStatus, Order, Split
from core.datasets.filter_kinds import AnyOf
from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.progress import finish
from core.workspace import Workspace
from state.view import View, from_parameters, to_parameters
from tests.factories.images import COLORS, png, solid

SIZES = {"red/a_1.png": (10, 20), "red/a%1.png": (20, 10), "blue/b.png": (40, 40)}


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for path, size in SIZES.items():
        color = path.split("/")[0]
        (tmp_path / "in" / color).mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(png(solid(color).resize(size)))
    (tmp_path / "in" / "red" / "broken.png").write_text("no image")
    source = Source(root=tmp_path / "in")
    catalog = finish(add_folder(Workspace(tmp_path), "sizes", source, SplitConfig())).catalog
    curation.add_tag(catalog, catalog.ids(ImageFilter(labels=("blue",))), "best")
    return catalog


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (ImageFilter(), {"red/a_1.png", "red/a%1.png", "blue/b.png"}),
        (ImageFilter(labels=("red",)), {"red/a_1.png", "red/a%1.png"}),
        (ImageFilter(labels=("red", "blue")), {"red/a_1.png", "red/a%1.png", "blue/b.png"}),
        (ImageFilter(labels=(NO_LABEL,)), set()),
        (ImageFilter(tags=("best",)), {"blue/b.png"}),
        (ImageFilter(tags=("best",), labels=("red",)), set()),
        (ImageFilter(text="A_1"), {"red/a_1.png"}),
        (ImageFilter(text="a%1"), {"red/a%1.png"}),
        (ImageFilter(side=(20, 30)), {"red/a_1.png", "red/a%1.png"}),
        (ImageFilter(aspect=(0.5, 0.9)), {"red/a_1.png"}),
        (ImageFilter(aspect=(1, 2)), {"red/a%1.png", "blue/b.png"}),
        (ImageFilter(status=ImageStatus.PROBLEM), {"red/broken.png"}),
        (ImageFilter(status=ImageStatus.EXCLUDED), set()),
    ],
)
def test_filters(catalog: Catalog, images: ImageFilter, found: set[str]) -> None:
    assert {row.path for row in catalog.rows(images)} == found
    assert catalog.count(images) == len(found)
    assert len(catalog.ids(images)) == len(found)


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (Order.NAME, ["blue/b.png", "red/a%1.png", "red/a_1.png"]),
        (Order.CLASS, ["blue/b.png", "red/a%1.png", "red/a_1.png"]),
        (Order.ADDED, ["blue/b.png", "red/a%1.png", "red/a_1.png"]),
        (Order.NEWEST, ["red/a_1.png", "red/a%1.png", "blue/b.png"]),
    ],
)
def test_orders(catalog: Catalog, order: Order, found: list[str]) -> None:
    assert [row.path for row in catalog.rows(order=order)] == found
    assert [row.path for row in catalog.rows(order=order, offset=1, limit=1)] == found[1:2]
    by_id = catalog.rows_by_id(catalog.ids())
    assert [by_id[i].path for i in catalog.ids(order=order)] == found


def test_sizes_of_files_order_both_ways(catalog: Catalog) -> None:
    sizes = [row.size_bytes for row in catalog.rows(order=Order.LARGEST)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes == [row.size_bytes for row in catalog.rows(order=Order.SMALLEST)][::-1]


def kind(name: str) -> AnyOf:
    found = FILTERS[name]
    assert isinstance(found, AnyOf)
    return found


def test_the_first_image_of_a_class_is_an_included_one(catalog: Catalog) -> None:
    first = facets.first_of_class(catalog)
    rows = catalog.rows_by_id(first.values())
    assert {label: rows[image_id].label for label, image_id in first.items()} == {
        "blue": "blue",
        "red": "red",
    }
    curation.exclude(catalog, [first["red"]])
    assert facets.first_of_class(catalog)["red"] > first["red"]


def test_facets_count_what_the_filter_leaves(catalog: Catalog) -> None:
    assert facets.tag_counts(catalog) == {"best": 1}
    assert facets.tag_counts(catalog, ImageFilter(labels=("red",))) == {}
    assert facets.value_counts(catalog, kind("tags")) == {"best": 1}
    assert list(facets.value_counts(catalog, kind("labels")).items()) == [("red", 2), ("blue", 1)]
    assert facets.value_counts(catalog, kind("labels"), ImageFilter(tags=("best",))) == {"blue": 1}
    splits = facets.value_counts(catalog, kind("splits"))
    assert list(splits) == [split for split in Split if split in splits]
    assert sum(splits.values()) == 3
    sides = facets.histogram(catalog, "side", num_bins=4)
    assert (sides.counts.tolist(), sides.edges.tolist()) == ([2, 0, 0, 1], [20, 25, 30, 35, 40])
    shapes = facets.histogram(catalog, "aspect", num_bins=3)
    assert shapes.counts.tolist() == [1, 1, 1]
    assert np.all(np.diff(shapes.edges) > 0)
    nothing = facets.histogram(catalog, "side", ImageFilter(labels=("none",)))
    assert (nothing.counts.size, nothing.edges.size) == (0, 0)
    one = facets.histogram(catalog, "side", ImageFilter(labels=("blue",)))
    assert one.counts.sum() == 1


def test_a_range_is_widened_to_the_bars_that_it_touches(catalog: Catalog) -> None:
    sides = facets.histogram(catalog, "side", num_bins=4)
    assert sides.around(26, 31) == (25, 35)
    assert sides.around(38, 99) == (35, 40)
    assert sides.around(41, 50) is None
    shapes = facets.histogram(catalog, "aspect")
    limits = shapes.around(shapes.edges[0], shapes.edges[-1])
    assert catalog.count(ImageFilter(aspect=limits)) == catalog.count()


def test_every_write_is_another_revision(catalog: Catalog) -> None:
    before = catalog.revision
    catalog.count()
    assert catalog.revision == before
    curation.add_tag(catalog, catalog.ids(), "more")
    assert catalog.revision != before


VIEWS = [
    View(),
    View(images=ImageFilter(labels=("red", "a & b=c#"), splits=("test", ""), text="x y")),
    View(images=ImageFilter(side=(10, 20), aspect=(0.25, 1.5), status=ImageStatus.EXCLUDED)),
    View(images=ImageFilter(tags=("näher",)), order=Order.NAME, page=7, page_size=120, tile="L"),
    View(section="Classes", images=ImageFilter(labels=("",))),
]


@pytest.mark.parametrize("view", VIEWS)
def test_an_address_brings_the_view_back(view: View) -> None:
    named = {
        name: [value] if isinstance(value, str) else value
        for name, value in to_parameters(view).items()
    }
    assert from_parameters(named) == view


def test_a_usual_view_leaves_the_address_alone() -> None:
    assert to_parameters(View()) == {}


@pytest.mark.parametrize(
    "parameters",
    [
        {"side": ["x"]},
        {"side": ["20-10"]},
        {"side": ["-5--1"]},
        {"side": ["nan-nan"]},
        {"side": ["1-inf"]},
        {"aspect": ["1"]},
        {"show": ["everything"]},
        {"sort": ["; DROP TABLE images"]},
        {"page": ["0"]},
        {"page": ["-1"]},
        {"page": ["9" * 5000]},
        {"per_page": ["1000000"]},
        {"tile": ["XXL"]},
        {"section": ["Secrets"]},
    ],
)
def test_an_address_that_makes_no_sense_is_as_usual(parameters: dict[str, list[str]]) -> None:
    assert from_parameters(parameters) == View()


def test_a_filter_is_values_and_never_sql(catalog: Catalog) -> None:
    nasty = "' OR 1=1 --"
    for images in (
        ImageFilter(text=nasty),
        ImageFilter(labels=(nasty,)),
        ImageFilter(tags=(nasty,)),
    ):
        assert catalog.count(images) == 0
    assert set(COLORS) >= set(catalog.labels())
