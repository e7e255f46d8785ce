"""Browsing and curating in a real browser: filters, Back, selecting, the dialog and its keys."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from core.datasets.verification import check_images
from core.progress import finish
from core.workspace import Workspace
from tests.browser.journey import MINUTE, metric, options
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


def circle(tile: Locator) -> Locator:
    return tile.locator(".check")


def test_filters_are_in_the_address_and_back_takes_them_away(browsing: Page) -> None:
    page = browsing
    choose(page, "Class", "red")
    expect(page.get_by_text("1–30 of 30 images")).to_be_visible()
    expect(page).to_have_url(re.compile(r"class=red"))
    choose(page, "Class", "green")
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


def test_a_drag_over_the_sizes_and_a_click_on_a_class_narrow_the_view(browsing: Page) -> None:
    page = browsing
    sides = page.locator(".js-plotly-plot").nth(1).locator(".nsewdrag")
    box = sides.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 60, steps=8)
    page.mouse.up()
    expect(page.get_by_role("button", name=re.compile("Longest side:"))).to_be_visible()
    expect(page.get_by_text("1–10 of 10 images")).to_be_visible()
    page.get_by_role("button", name=re.compile("Longest side:")).click()
    expect(page.get_by_text("1–60 of 70 images")).to_be_visible()

    page.locator(".js-plotly-plot").nth(0).locator(".nsewdrag").click(position={"x": 20, "y": 90})
    expect(page.get_by_role("button", name=re.compile("Class: blue"))).to_be_visible()
    expect(page.get_by_text("1–30 of 30 images")).to_be_visible()


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
    page.get_by_role("button", name="Put on").click()
    expect(tiles.nth(4)).to_contain_text("odd one")
    expect(tiles.nth(5)).not_to_contain_text("odd one")
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Select all", exact=True).click()
    expect(page.get_by_text("70 selected")).to_be_visible()
    page.get_by_role("button", name="Exclude", exact=True).click()
    expect(page.get_by_text("No image fits these filters")).to_be_visible()
    expect(metric(page, "Excluded")).to_contain_text("70")
    page.get_by_role("button", name="Undo").click()
    expect(metric(page, "Excluded")).to_contain_text("0")
    expect(tiles).to_have_count(60)


def test_an_image_opens_and_the_arrow_keys_go_on(browsing: Page) -> None:
    page = browsing
    options(page, IMAGES).nth(2).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("3 of 70")).to_be_visible()
    expect(dialog.get_by_text("SHA-256")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_text("4 of 70")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(dialog.get_by_text("3 of 70")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    wait_idle(page)
    expect(options(page, IMAGES)).to_have_count(60)
