"""A page stays whole when a fragment is rerun while the page is switched."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.workbench import SlowLine, Workbench

SCRIPT = Path(__file__).with_name("switch_app.py")
CLOCK_MS = 2500
"""Long enough for the fragment of the second page to run on its own."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = Workbench(tmp_path_factory.mktemp("switch"), script=SCRIPT)
    yield app.url
    app.close()


def test_a_click_in_a_fragment_during_a_switch_leaves_the_page_whole(
    sound_page: Page, address: str
) -> None:
    page, line = sound_page, SlowLine(sound_page)
    page.goto(address)
    expect(page.get_by_text("the first page")).to_be_visible()
    line.hold()
    page.get_by_role("link", name="Second").click()
    page.get_by_role("button", name="Rerun the fragment").click()  # Still under the first page
    line.wait_for(b"end of the second page")
    line.release()
    page.wait_for_timeout(CLOCK_MS)
    for text in ("start of the second page", "in a fragment", "end of the second page"):
        expect(page.get_by_text(text)).to_be_visible()
