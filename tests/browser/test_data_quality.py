"""A wrong label found, put right and taken back, in a real browser."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from core.datasets.curation import relabel
from core.datasets.registry import open_dataset
from core.workspace import Workspace
from tests.browser.journey import MINUTE, options
from tests.browser.workbench import Workbench, open_page

IMAGES = "Found images"


def test_a_suggested_label_is_accepted_leaves_the_list_and_comes_back(
    full: Workspace, start_workbench: Callable[..., Workbench], sound_page: Page
) -> None:
    catalog = open_dataset(full, "colors").catalog
    wrong = next(row for row in catalog.rows() if row.path.startswith("red/"))
    relabel(catalog, [wrong.id], "blue")
    page = open_page(sound_page, start_workbench(full.home), "finders?dataset=colors")
    expect(page).to_have_url(re.compile("/data_quality\\?.*dataset=colors"))

    page.get_by_role("button", name="Run analysis").click()
    card = page.locator(".st-key-quality-open-label_issues")
    expect(card).to_have_text(re.compile("1 image"), timeout=2 * MINUTE)
    card.get_by_role("button").click()
    tiles = options(page, IMAGES)
    suspect = tiles.filter(has_text="→ red").filter(has_text="blue")
    expect(suspect).to_have_count(1, timeout=2 * MINUTE)

    suspect.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(re.compile("Label blue · suggested red"))).to_be_visible()
    expect(dialog.get_by_text("5 nearest images")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    suspect.hover()
    suspect.locator(".check").click()
    page.get_by_role("button", name="Apply suggestion").click()
    expect(suspect).to_have_count(0)
    assert catalog.rows_by_id([wrong.id])[wrong.id].label == "red"

    page.get_by_role("button", name="Undo").click()
    expect(suspect).to_have_count(1)
    assert catalog.rows_by_id([wrong.id])[wrong.id].label == "blue"
