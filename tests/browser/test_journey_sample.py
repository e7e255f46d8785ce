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
    draw_map,
    go_to,
    lasso_everything,
    metric,
    options,
    stop_button,
    tiles,
    upload,
    wait_until_done,
)
from tests.browser.workbench import Workbench, open_page


def wait_out_training(page: Page, title: str) -> None:
    """Leave the Training page until a training is over: its curves take half a core to draw.

    How long that takes is the machine's affair, but it must not stand still for three minutes.
    """
    expect(stop_button(page)).to_be_visible(timeout=MINUTE)
    go_to(page, "Home")
    running = page.get_by_text(re.compile(re.escape(title) + r".* · \d+%"))
    expect(running.first).to_be_visible(timeout=MINUTE)
    while sentences := running.all_inner_texts():
        share = re.findall(r" · (\d+%)", sentences[0])[0]
        expect(running.filter(has_text=f" · {share}")).to_have_count(0, timeout=3 * MINUTE)
    go_to(page, "Training")
    wait_until_done(page, title)


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
    page.get_by_role("button", name="Start training").click()
    expect(stop_button(page)).to_be_visible()
    expect(page.get_by_text(re.compile("epoch 1 of")).first).to_be_visible(timeout=MINUTE)
    go_to(page, "Home")
    expect(page.get_by_text(re.compile("Training vgg16_bn on drawn")).first).to_be_visible()
    go_to(page, "Training")
    expect(page.get_by_text("Validation mAP@10")).to_be_visible(timeout=4 * MINUTE)
    expect(page.locator(".js-plotly-plot")).to_have_count(3)
    wait_out_training(page, "Training vgg16_bn on drawn")

    page.get_by_role("button", name="Index and evaluate").first.click()
    wait_until_done(page, "Indexing drawn with drawn-vgg16_bn", minutes=4)
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
    assert found["recall_at_1"] >= 0.9
