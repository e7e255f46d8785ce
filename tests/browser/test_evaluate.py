"""Evaluating in the browser: measure, open a cell of the heat map, compare with a baseline."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.journey import MINUTE, choose_option, go_to, headless, tiles, wait_until_done
from tests.browser.workbench import Workbench, open_page, wait_idle

DATASET, MODEL = "drawn", "drawn-resnet18-untrained"
HEAT_MAP = ".workbench-plot[data-drawn] .heatmaplayer"


def click_cell(page: Page, row: int, column: int, num_classes: int) -> None:
    """Click a cell with the mouse, for plotly lies over what it draws."""
    heat_map = page.locator(HEAT_MAP)
    expect(heat_map).to_be_visible(timeout=MINUTE)
    wait_idle(page)
    heat_map.scroll_into_view_if_needed()
    box = heat_map.bounding_box()
    assert box is not None
    x = box["x"] + box["width"] * (column + 0.5) / num_classes
    y = box["y"] + box["height"] * (row + 0.5) / num_classes
    page.mouse.move(x, y, steps=4)
    expect(page.locator(".hoverlayer .hovertext")).to_contain_text("→")
    page.mouse.click(x, y)


def test_a_model_is_measured_looked_into_and_held_against_a_baseline(
    workbench: Workbench, sound_page: Page, tmp_path: Path
) -> None:
    headless(workbench.home, "generate", "--name", DATASET, "--per-class", "12")
    small = ("--backbone", "resnet18", "--trainable-blocks", "4", "--image-size", "32")
    settings = ("--weights", "none", *small, "--epochs", "0")
    headless(workbench.home, "train", "--dataset", DATASET, *settings)
    headless(workbench.home, "embed", "--dataset", DATASET, "--model", MODEL)
    page = sound_page
    open_page(page, workbench, "evaluate")

    expect(page.get_by_text("Measure retrieval quality")).to_be_visible(timeout=MINUTE)
    page.get_by_role("button", name="Evaluate", exact=True).click()
    wait_until_done(page, f"Evaluating {MODEL}", minutes=2)
    recall = page.get_by_test_id("stMetric").filter(has=page.get_by_text("recall@1", exact=True))
    expect(recall).to_contain_text(re.compile(r"[01]\.\d{3}"))
    expect(page.get_by_text(re.compile(r"CI 0\.\d+–[01]\.\d+")).first).to_be_visible()

    page.get_by_role("tab", name="Confusion").click()
    click_cell(page, 0, 0, 12)
    opened = page.get_by_text(re.compile(r"^(\w+) → \1 · \d+ of \d+ queries$"))
    expect(opened).to_be_visible(timeout=MINUTE)
    expect(tiles(page, "Queries of the pair").first).to_be_visible()

    page.get_by_text("New evaluation").click()
    page.get_by_role("button", name="Color histogram").click()
    expect(page.get_by_role("button", name="Color histogram")).to_have_count(0)  # It closes
    wait_until_done(page, f"Evaluating the baseline color on {DATASET}", minutes=2)
    page.get_by_role("tab", name="Compare").click()
    expect(page.get_by_text("Compare with")).to_be_visible(timeout=MINUTE)
    page.get_by_text(re.compile(r"^Worse \(\d+\)$")).click()
    expect(tiles(page, "Queries and results of color histogram").first).to_be_visible()
    choose_option(page, "Metric", "recall@10")
    expect(page.get_by_text(re.compile("^All differences")).first).to_be_visible()

    page.get_by_role("tab", name="Report").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="HTML report").click()
    report = tmp_path / "report.html"
    waiting.value.save_as(report)
    page.context.set_offline(True)
    sent: list[str] = []
    alone = page.context.new_page()
    alone.on("request", lambda request: sent.append(request.url))
    alone.goto(report.as_uri())
    expect(alone.get_by_role("heading", name=f"Retrieval quality of {DATASET}")).to_be_visible()
    expect(alone.get_by_text("color histogram").first).to_be_visible()
    assert alone.locator("figure img").evaluate_all("all => all.every(each => each.naturalWidth)")
    assert {url.split(":")[0] for url in sent} <= {"file", "data"}
    page.context.set_offline(False)
    alone.close()

    go_to(page, "Home")
    figure = page.get_by_test_id("stMetric").filter(has_text="mAP@10")
    expect(figure).to_contain_text(re.compile(r"0\.\d{3}"))
    expect(figure).to_contain_text("vs. baseline")
