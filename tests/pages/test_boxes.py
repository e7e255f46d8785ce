"""Boxes of images on the pages: drawn, filtered by, and searched by."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.annotations.annotation import Box
from core.datasets.registry import open_dataset
from core.images.cropping import WHOLE, Crop
from core.query.query import Query
from core.workspace import PROJECT, Workspace
from tests.support.page_fixtures import Open, texts

CAT = Box("<b>cat", 0.25, 0.25, 0.5, 0.5)
SMALL = Box("dog", 0.0, 0.0, 0.1, 0.1)
"""4 pixels of 40."""


@pytest.fixture
def boxed(full: Workspace) -> Workspace:
    """The workspace with boxes in image 1."""
    open_dataset(full, "colors").catalog.set_boxes({1: [CAT, SMALL]})
    return full


def asked(app: AppTest) -> Query:
    query: Query = app.session_state["selection"].query
    return query


def tiles(app: AppTest, part: str) -> list[dict[str, Any]]:
    for element in app.get("bidi_component"):
        if part in element.proto.id:
            found: list[dict[str, Any]] = json.loads(element.proto.json)["tiles"]
            return found
    return []


def opened(visit: Open, image_id: int) -> AppTest:
    app = visit("datasets")
    app.session_state["selection"].open_image = (image_id, 0)
    return app.run()


@pytest.mark.slow
def test_an_open_image_shows_its_boxes_and_offers_those_that_are_large_enough(
    boxed: Workspace, visit: Open
) -> None:
    app = opened(visit, 1)
    [drawn] = [each.proto.body for each in app.get("html") if "boxed" in each.proto.body]
    assert drawn.count('<div class="box ') == 2
    assert "left: 25.000%; top: 25.000%; width: 50.000%; height: 50.000%;" in drawn
    assert "&lt;b&gt;cat" in drawn
    assert [tile["title"] for tile in tiles(app, "details-box")] == ["<b>cat"]
    app.toggle(key="details-boxes").set_value(False).run()
    [drawn] = [each.proto.body for each in app.get("html") if "boxed" in each.proto.body]
    assert '<div class="box ' not in drawn


@pytest.mark.slow
def test_an_image_without_boxes_looks_as_before(boxed: Workspace, visit: Open) -> None:
    app = opened(visit, 2)
    assert not any("boxes" in (toggle.key or "") for toggle in app.toggle)
    assert "Search by a box" not in texts(app)


@pytest.mark.slow
def test_a_box_is_chosen_as_the_crop_of_a_query_and_gives_its_class(boxed: Workspace) -> None:
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
    app.run()
    app.query_params["image"] = "1"
    app.switch_page("pages/query.py")
    app.query_params["image"] = "1"
    app.run()
    picker = app.selectbox(key="query-box-0")
    assert picker.options == ["Whole image", "1 · <b>cat"]
    assert picker.value == WHOLE.key
    picker.select_index(1).run()
    assert not app.exception
    [image] = asked(app).images
    assert image.crop == Crop(left=0.25, top=0.25, right=0.75, bottom=0.75)
    assert "cat" in texts(app)
    assert app.query_params["image"] == f"1 {image.crop.key}"
    app.selectbox(key="query-box-0").select_index(0).run()
    assert asked(app).images[0].crop == WHOLE


@pytest.mark.slow
def test_a_query_by_a_custom_crop_or_an_image_without_boxes(boxed: Workspace) -> None:
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
    app.run()
    for address, shown in [("1 0 0.1 0.1 0.9 0.9 0", True), ("2", False)]:
        app.query_params["image"] = address
        app.switch_page("pages/query.py")
        app.query_params["image"] = address
        app.run()
        assert not app.exception
        pickers = [each for each in app.selectbox if (each.key or "").startswith("query-box")]
        assert bool(pickers) == shown
        assert all(picker.value is None for picker in pickers)
