"""Large files through the browser: an index exported from one server, imported on another."""

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
    page.get_by_role("button", name="Import index").click()
    page.locator("[class*=st-key-indexes-bundle-import] input[type=file]").set_input_files(bundle)
    page.get_by_label("Dataset name").fill("elsewhere")
    page.get_by_label("Dataset name").press("Tab")
    page.get_by_role("button", name="Import", exact=True).click(timeout=2 * MINUTE)
    wait_until_done(page, "Importing the bundle elsewhere", minutes=3)
    go_to(page, "Query")
    page.get_by_role("button", name="Random image").click()
    expect(options(page, "Matches").first).to_be_visible(timeout=MINUTE)
