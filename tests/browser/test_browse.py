"""Browsing and curating in a real browser: filters, Back, selecting, the dialog and its keys."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from core.datasets.verification import check_images
from core.progress import finish
from core.workspace import Workspace
from tests.browser.journey import MINUTE, options
from tests.browser.workbench import Workbench, open_page, wait_idle
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, speckled

IMAGES = "Images of the dataset"


@pytest.fixture(scope="module")
def colored(workbench: Workbench) -> Workbench:
    """A server with 60 images of 40 px in two classes and 10 of 160 px in a third."""
    root = class_folders(workbench.home / "in", red=30, blue=30)
    (root / "green").mkdir()
    for number in range(10):
        speckled("green", number, side=160).save(root / "green" / f"{number}.png")
    finish(check_images(bring_in(Workspace(workbench.home), root)))
    return workbench


@pytest.fixture
def browsing(colored: Workbench, sound_page: Page) -> Page:
    """The Datasets page with those images."""
    open_page(sound_page, colored, "datasets")
    expect(options(sound_page, IMAGES)).to_have_count(60)
    return sound_page


def choose(page: Page, label: str, value: str) -> None:
    """Choose a value, known or new, in a field."""
    field = page.get_by_role("combobox", name=label, exact=True).last  # Of two, the popover's
    field.click()
    field.fill(value)
    page.get_by_role("option", name=re.compile(f"^(Add: )?{value}$")).click()


def value(page: Page, facet: str, name: str) -> Locator:
    """A value of a facet in the filter rail."""
    return options(page, facet).filter(has_text=re.compile(f"^{name} "))


def circle(tile: Locator) -> Locator:
    return tile.locator(".check")


def test_filters_are_in_the_address_and_back_takes_them_away(browsing: Page) -> None:
    page = browsing
    value(page, "Class", "red").click()
    expect(page.get_by_text("1–30 of 30 images")).to_be_visible()
    expect(page).to_have_url(re.compile(r"class=red"))
    value(page, "Class", "green").click()
    expect(page.get_by_text("1–40 of 40 images")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("1–30 of 30 images")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("1–60 of 70 images")).to_be_visible()
    page.go_forward()
    expect(page.get_by_text("1–30 of 30 images")).to_be_visible()
    page.reload()  # The whole app anew: on a busy machine that takes longer than a click
    expect(page.get_by_text("1–30 of 30 images")).to_be_visible(timeout=MINUTE)
    page.get_by_role("button", name="Class: red").click()
    expect(page.get_by_text("1–60 of 70 images")).to_be_visible()
    page.get_by_role("button", name="Next page").first.click()
    expect(options(page, IMAGES)).to_have_count(10)
    expect(page).to_have_url(re.compile(r"page=2"))


def test_a_drag_over_the_sizes_narrows_the_view(browsing: Page) -> None:
    page = browsing
    sides = page.locator(".js-plotly-plot").nth(0).locator(".nsewdrag")
    sides.scroll_into_view_if_needed()
    box = sides.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 30, steps=8)
    page.mouse.up()
    expect(page.get_by_role("button", name=re.compile("Longest side:"))).to_be_visible()
    expect(page.get_by_text("1–10 of 10 images")).to_be_visible()
    page.get_by_role("button", name=re.compile("Longest side:")).click()
    expect(page.get_by_text("1–60 of 70 images")).to_be_visible()


def test_facets_count_without_themselves_and_work_by_keyboard(browsing: Page) -> None:
    page = browsing
    expect(options(page, "Class")).to_have_text(["blue 30", "red 30", "green 10"])
    value(page, "Class", "blue").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Class: red")).to_be_visible()
    expect(value(page, "Class", "red")).to_have_attribute("aria-selected", "true")
    expect(value(page, "Class", "red")).to_be_focused()
    expect(options(page, "Class")).to_have_text(["blue 30", "red 30", "green 10"])
    value(page, "Status", "Excluded").click()
    expect(page.get_by_text("No image matches these filters")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("1–60 of 70 images")).to_be_visible()


def test_in_a_narrow_window_the_filters_fold(browsing: Page) -> None:
    page = browsing
    page.set_viewport_size({"width": 800, "height": 900})
    expect(value(page, "Class", "red")).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    value(page, "Class", "red").click()
    expect(page.get_by_text("1–30 of 30 images")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 800


def test_two_dozen_whole_images_are_in_the_first_screen(browsing: Page) -> None:
    page = browsing
    page.set_viewport_size({"width": 1440, "height": 900})
    wait_idle(page)
    page.wait_for_timeout(500)
    boxes = [tile.bounding_box() for tile in options(page, IMAGES).all()[:40]]
    assert sum(box is not None and box["y"] + box["height"] <= 900 for box in boxes) >= 24


def test_images_are_selected_tagged_excluded_and_taken_back(browsing: Page) -> None:
    page = browsing
    tiles = options(page, IMAGES)
    tiles.nth(0).hover()
    circle(tiles.nth(0)).click()
    expect(page.get_by_text("1 selected")).to_be_visible()
    tiles.nth(4).click(modifiers=["Shift"])
    expect(page.get_by_text("5 selected")).to_be_visible()

    page.get_by_role("button", name="Tag", exact=True).click()
    choose(page, "Tag", "odd one")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(tiles.nth(4)).to_contain_text("odd one")
    expect(tiles.nth(5)).not_to_contain_text("odd one")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Select all", exact=True).click()
    expect(page.get_by_text("70 selected")).to_be_visible()
    page.get_by_role("button", name="Exclude", exact=True).click()
    expect(page.get_by_text("No image matches these filters")).to_be_visible()
    expect(page.get_by_text("no classes · 70 excluded")).to_be_visible()
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_have_count(1)
    undo.click()
    expect(page.get_by_text("70 images · 3 classes")).to_be_visible()
    expect(tiles).to_have_count(60)


def test_an_image_opens_and_the_arrow_keys_go_on(browsing: Page) -> None:
    page = browsing
    options(page, IMAGES).nth(2).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("3 of 70")).to_be_visible()
    expect(dialog.get_by_text("SHA-256")).to_be_visible()
    large = dialog.get_by_role("img", name=re.compile(r"^(red|blue|green), .*\.png$"))
    box = large.bounding_box()
    assert box is not None
    assert 40 < box["width"] <= 80  # At most twice as large as it is
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_text("4 of 70")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(dialog.get_by_text("3 of 70")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(options(page, IMAGES).nth(2)).to_be_focused()
    wait_idle(page)
    expect(options(page, IMAGES)).to_have_count(60)
