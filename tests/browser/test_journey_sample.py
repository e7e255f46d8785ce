"""The whole journey on the sample dataset: no network, no file, from an empty home to an answer."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.lineage.graph import read_lineage
from core.workspace import Workspace
from tests.browser.journey import (
    draw_map,
    go_to,
    lasso_everything,
    options,
    tiles,
    upload,
    wait_until_done,
)
from tests.browser.workbench import Workbench, open_page

MODEL = "sample-efficientnet_lite0"


@pytest.mark.timeout(1800)  # It trains, on two cores too
def test_from_the_first_click_to_the_map(
    workbench: Workbench, sound_page: Page, tmp_path: Path
) -> None:
    page = sound_page
    open_page(page, workbench)
    expect(page.get_by_role("button", name="Generate and make searchable")).to_be_visible()
    started = time.monotonic()

    go_to(page, "Datasets")
    page.get_by_text("Sample dataset", exact=True).click()
    page.get_by_role("button", name="Generate", exact=True).click()
    wait_until_done(page, "Generating the sample dataset", minutes=2)
    expect(page.get_by_text(re.compile("720 images · .* · train"))).to_be_visible()
    expect(options(page, "Images of the dataset")).to_have_count(60)

    go_to(page, "Training")
    expect(page.get_by_text("in seconds, without a download")).to_be_visible()  # The default
    page.get_by_role("button", name="Start training").click()
    wait_until_done(page, "Training efficientnet_lite0 on sample", minutes=8)
    expect(page.locator(".js-plotly-plot")).to_have_count(3)

    page.get_by_role("button", name="Build index").first.click()
    wait_until_done(page, f"Indexing sample with {MODEL}", minutes=4)
    page.get_by_role("button", name="Query index").click()

    picture = workbench.home / "data/datasets/sample/images/fish/000.png"
    upload(page, picture)
    first = options(page, "Matches").first
    expect(first).to_contain_text("1 · fish")
    expect(first).to_contain_text("1.000")
    options(page, "Matches").nth(1).click()
    expect(page.locator(".st-key-query-match").get_by_text("2 of 20")).to_be_visible()
    page.get_by_role("button", name="Use as query").click()
    expect(page.get_by_text("precision@20")).to_be_visible()
    itself = options(page, "Matches").filter(has_text="1.000")
    expect(itself).to_have_count(0)

    plot = draw_map(page)
    print(f"\nthe whole journey took {time.monotonic() - started:.0f} s")
    lasso_everything(page, plot)
    expect(page.get_by_text("720 selected")).to_be_visible()
    expect(tiles(page, "Selected images")).to_have_count(60)

    [evaluation] = read_lineage(Workspace(workbench.home)).evaluations
    found = evaluation.summary
    print(f"recall@1 {found['recall_at_1']:.3f}, mAP@10 {found['map_at_10']:.3f}")
    assert found["num_queries"] == 144
    assert found["recall_at_1"] >= 0.8
