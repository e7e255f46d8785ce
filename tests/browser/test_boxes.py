"""Boxes in a real browser: over the open image, and searched by."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.datasets.annotations.annotation import Box
from core.datasets.registry import open_dataset
from tests.browser.journey import MINUTE, options, tiles
from tests.browser.workbench import Workbench, open_page
from tests.factories.workspaces import copy_workspace


@pytest.fixture(scope="module")
def workbench(
    made: Path, tmp_path_factory: pytest.TempPathFactory, start_workbench: Callable[..., Workbench]
) -> Workbench:
    """A server on a home of three colors with an index, and boxes in the first image."""
    home = tmp_path_factory.mktemp("boxes") / "home"
    workspace = copy_workspace(made, home)
    boxes = [Box("cat", 0.25, 0.5, 0.5, 0.25), Box("dog", 0.0, 0.0, 1.0, 0.5)]
    open_dataset(workspace, "colors").catalog.set_boxes({1: boxes})
    return start_workbench(workspace.home)


def test_boxes_frame_their_part_of_the_image_and_one_is_searched_by(
    workbench: Workbench, sound_page: Page
) -> None:
    page = open_page(sound_page, workbench, "datasets")
    options(page, "Images of the dataset").first.click(timeout=MINUTE)
    dialog = page.get_by_role("dialog")
    image = dialog.get_by_role("img", name=re.compile(r"\.png$")).first
    frame = dialog.locator(".boxed .box", has_text="cat")
    expect(frame).to_be_visible()
    outer, inner = image.bounding_box(), frame.bounding_box()
    assert outer is not None
    assert inner is not None
    assert inner["x"] == pytest.approx(outer["x"] + 0.25 * outer["width"], abs=1)
    assert inner["y"] == pytest.approx(outer["y"] + 0.5 * outer["height"], abs=1)
    assert inner["width"] == pytest.approx(0.5 * outer["width"], abs=1)
    assert inner["height"] == pytest.approx(0.25 * outer["height"], abs=1)
    tiles(page, "Boxes").filter(has_text="cat").click()
    expect(page).to_have_url(re.compile(r"/query\?.*image=1(\+|%20)0(\+|%20)0\.25"))
    expect(options(page, "Matches").first).to_be_visible(timeout=MINUTE)
    expect(page.get_by_text("class cat")).to_be_visible()
    expect(page.get_by_text("20 × 10 of 40 × 40 pixels")).to_be_visible()
