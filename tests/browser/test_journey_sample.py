"""The whole journey on the drawn set: no network, no file, from an empty home to an answer."""

import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.lineage.graph import read_lineage
from core.workspace import Workspace
from tests.browser.journey import (
    MINUTE,
    choose_option,
    draw_map,
    go_to,
    lasso_everything,
    metric,
    options,
    set_number,
    settings_tab,
    start_from_scratch,
    stop_button,
    tiles,
    upload,
    wait_until_done,
)
from tests.browser.workbench import Workbench, open_page

BACKBONE, EPOCHS = "resnet18", 4
"""VGG-16, the default, takes ten times as long; `core/training/test_transfer.py` trains it."""

TITLE = f"Training {BACKBONE} on drawn"


@pytest.mark.timeout(1800)  # It trains, on two cores too
def test_from_the_first_click_to_the_map(
    workbench: Workbench, sound_page: Page, tmp_path: Path
) -> None:
    page = sound_page
    open_page(page, workbench)
    expect(page.get_by_text("Not yet.")).to_have_count(7)
    started = time.monotonic()

    page.get_by_test_id("stMain").get_by_role("button", name="Datasets").click()
    page.get_by_role("button", name="Draw it").click()
    wait_until_done(page, "Generating the sample dataset", minutes=2)
    expect(metric(page, "Images")).to_contain_text("720")
    expect(options(page, "Images of the dataset")).to_have_count(60)

    page.get_by_role("button", name="Next: train a model").click()
    # The default, without ImageNet
    expect(page.get_by_text("No weights needed")).to_be_visible()
    page.get_by_text("Settings", exact=True).click()  # They stay open through the next choice
    start_from_scratch(page)
    choose_option(page, "Backbone", "ResNet-18")
    settings_tab(page, "Learning")
    set_number(page, "Epochs", EPOCHS)
    expect(page.get_by_text(re.compile(f"ResNet-18 · .* · {EPOCHS} epochs"))).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    expect(stop_button(page)).to_be_visible()
    expect(page.get_by_text(re.compile(r"epoch \d of")).first).to_be_visible(timeout=MINUTE)
    expect(page.get_by_text("Validation mAP@10")).to_be_visible(timeout=4 * MINUTE)
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    go_to(page, "Home")
    expect(page.get_by_text(re.compile(TITLE)).first).to_be_visible()
    go_to(page, "Training")
    wait_until_done(page, TITLE, minutes=8)

    page.get_by_role("button", name="Index and evaluate").first.click()
    wait_until_done(page, f"Indexing drawn with drawn-{BACKBONE}", minutes=4)
    page.get_by_role("button", name="Next: query it").click()

    picture = workbench.home / "data/datasets/drawn/images/fish/000.png"
    upload(page, picture)
    first = options(page, "Matches").first
    expect(first).to_contain_text("1 · fish")
    expect(first).to_contain_text("similarity 1.000")
    options(page, "Matches").nth(1).click()
    expect(page.get_by_text("Match 2 of 20")).to_be_visible()
    page.get_by_role("button", name="Search by this").click()
    expect(page.get_by_text("are of the same class")).to_be_visible()
    expect(page.get_by_text("similarity 1.000")).to_have_count(0)  # It leaves itself out

    plot = draw_map(page)
    print(f"\nthe whole journey took {time.monotonic() - started:.0f} s")
    lasso_everything(page, plot)
    expect(page.get_by_text("Selected: 720 images.")).to_be_visible()
    expect(tiles(page, "Selected images")).to_have_count(60)

    [evaluation] = read_lineage(Workspace(workbench.home)).evaluations
    found = evaluation.summary
    print(f"recall@1 {found['recall_at_1']:.3f}, mAP@10 {found['map_at_10']:.3f}")
    assert found["num_queries"] == 144
    assert found["recall_at_1"] >= 0.5  # Untrained it is 0.35
