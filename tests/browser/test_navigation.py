"""The browser's own buttons: each press of Back leads one page back."""

from playwright.sync_api import Page, expect

from tests.browser.journey import go_to, headless
from tests.browser.workbench import Workbench, open_page


def test_back_leads_one_page_back(workbench: Workbench, sound_page: Page) -> None:
    headless(workbench.home, "generate", "--name", "drawn", "--per-class", "3")
    page = sound_page
    open_page(page, workbench, "?dataset=drawn")
    for name in ("Datasets", "Training", "Explore"):
        go_to(page, name)
    for name in ("Training", "Datasets", "Home"):
        page.go_back()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    assert "dataset=drawn" in page.url
