"""Indexes on some of Caltech-101: benchmark, use a point of the chart, get a recommendation."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from core.indexes.config import default_nlist
from tests.browser.journey import MINUTE, headless, set_number, wait_until_done
from tests.browser.workbench import Workbench, open_page, wait_idle

DATASET, MODEL = "caltech101", "caltech101-resnet18-untrained"
PER_CATEGORY = 6


def click_point(page: Page, kind: str) -> None:
    """Click the middle bubble of a kind with the mouse, for plotly lies over its points."""
    wait_idle(page)
    plot = page.locator(".js-plotly-plot")
    names = plot.locator(".legendtext").all_text_contents()
    bubbles = plot.locator(".scatterlayer .trace").nth(names.index(kind)).locator(".points path")
    bubble = bubbles.nth(bubbles.count() // 2)
    bubble.scroll_into_view_if_needed()
    box = bubble.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def copy_some(root: Path, target: Path) -> int:
    """Copy the first images of each category, and count them."""
    categories = root / "101_ObjectCategories"
    for category in categories.glob("[!B]*"):  # Without BACKGROUND_Google, of many things
        folder = target / "101_ObjectCategories" / category.name
        folder.mkdir(parents=True)
        for image in sorted(category.iterdir())[:PER_CATEGORY]:
            shutil.copy(image, folder)
    return len(list(target.rglob("*.jpg")))


def section(page: Page, name: str) -> None:
    """Turn to a section of the page."""
    page.get_by_role("radiogroup", name="Section").get_by_text(name, exact=True).click()


def recall_at_10(page: Page) -> Locator:
    """The current index's figure; that of recall at 100 begins alike."""
    label = page.get_by_text("Recall@10", exact=True)
    return page.get_by_test_id("stMetric").filter(has=label)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_index_is_chosen_by_what_is_seen_on_a_chart_or_by_a_budget(
    workbench: Workbench, sound_page: Page, caltech_root: Path, tmp_path: Path
) -> None:
    count = copy_some(caltech_root, tmp_path / DATASET)
    headless(workbench.home, "scan", str(tmp_path / DATASET), "--name", DATASET)
    small = ("--backbone", "resnet18", "--trainable-blocks", "4", "--image-size", "32")
    untrained = ("--weights", "none", *small)
    headless(workbench.home, "train", "--dataset", DATASET, *untrained, "--epochs", "0")
    page = sound_page
    open_page(page, workbench, "indexes")

    section(page, "Benchmark")
    expect(page.get_by_text("embedding comes first")).to_be_visible()
    page.get_by_role("button", name="Run benchmark").click()
    wait_until_done(page, f"Comparing indexes of {DATASET} with {MODEL}", minutes=8)
    expect(page.get_by_text(f"{count:,} images embedded")).to_be_visible()
    legend = page.locator(".js-plotly-plot .legendtext")
    expect(legend).to_have_count(6, timeout=MINUTE)
    assert set(legend.all_text_contents()) == {
        *("Pareto front", "Flat", "HNSW", "IVF-Flat", "SQ8", "IVF-PQ")
    }

    click_point(page, "IVF-Flat")
    use = page.get_by_role("button", name="Use", exact=True)
    expect(
        page.get_by_text(re.compile(rf"IVF{default_nlist(count)},Flat · nprobe \d+ · recall@10"))
    ).to_be_visible()
    use.click()
    wait_until_done(page, f"Indexing {DATASET} with {MODEL}")
    section(page, "Build")
    expect(page.get_by_role("heading", name=f"Current index: {MODEL}-ivf")).to_be_visible(
        timeout=MINUTE
    )
    expect(recall_at_10(page)).to_contain_text(re.compile(r"[01]\.\d{3}"))
    expect(page.get_by_text(f"{count:,} images · 128 dimensions")).to_be_visible()

    slider = page.get_by_role("slider", name=re.compile("^nprobe"))
    slider.focus()
    slider.press("End")
    expect(recall_at_10(page)).to_contain_text("1.000")
    expect(page.get_by_role("button", name=re.compile("Rebuild with nprobe"))).to_be_visible()

    section(page, "Recommend")
    set_number(page, "Max. latency (ms)", 100)  # What a machine may take beside others
    page.get_by_role("button", name="Recommend index").click()
    wait_until_done(page, f"Recommending an index for {DATASET} with {MODEL}")
    expect(page.get_by_text(re.compile("meets recall@10"))).to_be_visible()
    page.get_by_role("button", name="Query index").click()
    expect(page.get_by_role("heading", name="Query")).to_be_visible()
