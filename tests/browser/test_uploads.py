"""Large files through the browser: an index taken out on one server, opened on another."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.bundles.export import export_bundle
from core.lineage.graph import read_lineage
from core.progress import finish
from tests.browser.journey import MINUTE, go_to, options, wait_until_done
from tests.browser.workbench import Workbench, open_page
from tests.factories.workspaces import make_workspace

AN_OLD_LIMIT = 25_000_000
"""Bytes above which Streamlit refused what the page had allowed."""


@pytest.mark.slow
def test_a_bundle_of_another_machine_is_opened_and_answers(
    tmp_path: Path, start_workbench: Callable[..., Workbench], sound_page: Page
) -> None:
    workspace = make_workspace(tmp_path, "resnet18")
    [index] = read_lineage(workspace).indexes
    bundle = finish(export_bundle(workspace, index.id))
    assert bundle.stat().st_size > AN_OLD_LIMIT

    page = open_page(sound_page, start_workbench(), "indexes")
    page.get_by_text("Open a bundle").click()
    page.locator("input[type=file]").set_input_files(bundle)
    page.get_by_label("Name of the dataset").fill("elsewhere")
    page.get_by_label("Name of the dataset").press("Tab")
    page.get_by_role("button", name="Bring it in").click(timeout=2 * MINUTE)
    wait_until_done(page, "Importing the bundle elsewhere", minutes=3)
    go_to(page, "Query")
    page.get_by_role("button", name="Surprise me").click()
    expect(options(page, "Matches").first).to_be_visible(timeout=MINUTE)
