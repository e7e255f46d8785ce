"""The steps that both journeys take, as a person would take them."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.workbench import wait_idle
from tests.support.commands import in_this_process

MINUTE = 60_000
expect.set_options(timeout=20_000)
"""These machines are shared: nothing here is a measurement."""


def go_to(page: Page, name: str) -> None:
    """Follow the sidebar's link to a page."""
    page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def open_jobs(page: Page) -> Locator:
    """Open the jobs menu and return it."""
    button = page.get_by_role("button", name="Jobs", exact=True)
    if button.get_attribute("aria-expanded") != "true":
        button.click()
    menu = page.get_by_test_id("stPopoverBody").last  # A click beside another one closes it
    expect(menu).to_be_visible()
    return menu


def wait_until_done(page: Page, title: str, minutes: float = 1) -> None:
    """Wait until the jobs menu lists a job as done; `title` is the beginning of its title."""
    done = re.compile(re.escape(title) + r".*: done in")
    # Of the whole menu, a job that runs and an earlier one's end would read as one sentence
    outcomes = open_jobs(page).locator("[class*='st-key-outcome-']")
    expect(outcomes.get_by_text(done)).to_be_visible(timeout=minutes * MINUTE)
    page.keyboard.press("Escape")


def tiles(page: Page, gallery: str) -> Locator:
    """Return the tiles of a gallery."""
    return page.get_by_role("group", name=gallery).get_by_role("button")


def options(page: Page, gallery: str) -> Locator:
    """Return the tiles of a gallery that can be selected."""
    return page.get_by_role("listbox", name=gallery).get_by_role("option")


def metric(page: Page, label: str) -> Locator:
    """Return the figure under a label."""
    return page.get_by_test_id("stMetric").filter(has_text=label)


def choose_preset(page: Page, label: str) -> None:
    """Choose a preset that is in the menu."""
    page.get_by_test_id("stMenuButton").filter(has_text="More").get_by_role("button").click()
    page.get_by_role("menuitem", name=label, exact=True).click()


def start_from_scratch(page: Page) -> None:
    """Choose to train from scratch, quickly, and wait for the form that belongs to it."""
    choose_preset(page, "From scratch, quick")
    expect(page.get_by_text("8 epochs, in minutes")).to_be_visible()


def set_number(page: Page, label: str, value: float) -> None:
    """Write into a number field and leave it."""
    field = page.get_by_role("spinbutton", name=label, exact=True)
    field.fill(str(value))
    field.press("Tab")


def choose_option(page: Page, label: str, option: str) -> None:
    """Choose from a list that unfolds."""
    wait_idle(page)
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def build_index(page: Page, dataset: str, model: str) -> None:
    """Embed and index with what is preselected, and go on to the Query page."""
    page.get_by_role("button", name="Build index").click()
    wait_until_done(page, f"Indexing {dataset} with {model}", minutes=4)
    page.get_by_role("button", name="Query index").click()
    expect(page.get_by_role("heading", name="Query", level=1)).to_be_visible()


def upload(page: Page, image: Path) -> None:
    """Search by a file and wait for its answer."""
    # By its key: the page that was left may have a field for files, too, until it is gone
    field = page.locator("[class*=st-key-query-upload] input[type=file]")
    field.set_input_files(image)
    expect(page.get_by_text("kNN vote").first).to_be_visible(timeout=MINUTE)
    expect(options(page, "Matches").first).to_be_visible()


def draw_map(page: Page) -> Locator:
    """Have the map laid out and return its plot."""
    go_to(page, "Explore")
    page.get_by_role("button", name="Create map").click()
    plot = page.locator(".workbench-scatter-plot .nsewdrag")
    expect(plot).to_be_visible(timeout=4 * MINUTE)
    return plot


def lasso_everything(page: Page, plot: Locator) -> None:
    """Draw a lasso around the whole map with the mouse."""
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    left, top = box["x"] + 5, box["y"] + 5
    right, bottom = box["x"] + box["width"] - 5, box["y"] + box["height"] - 5
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 4)):
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def headless(home: Path, *arguments: str) -> dict[str, Any]:
    """Run the headless command on the journey's workspace and return its JSON."""
    return in_this_process(home, *arguments, "--json").result


def stop_button(page: Page) -> Locator:
    """Return a job's; while a script runs, Streamlit's header has one, too."""
    return page.get_by_test_id("stMain").get_by_role("button", name="Stop", exact=True)
