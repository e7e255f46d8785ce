"""The whole journey on real photographs: some categories of Caltech-101."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journey import (
    build_index,
    draw_map,
    go_to,
    headless,
    lasso_everything,
    options,
    upload,
    wait_until_done,
)
from tests.browser.workbench import Workbench, open_page

CLASSES = (
    "butterfly",
    "car_side",
    "chandelier",
    "dollar_bill",
    "grand_piano",
    "ketch",
    "laptop",
    "sunflower",
    "watch",
)
MOST_IMAGES = 20
"""Of each category: the largest have hundreds, and this must be quick on two cores."""

MODEL = "caltech101-efficientnet_lite0"


def some_categories(root: Path, target: Path) -> int:
    """Copy the first images of some categories, in Caltech-101's layout, and count them."""
    for category in CLASSES:
        folder = target / "101_ObjectCategories" / category
        folder.mkdir(parents=True)
        for image in sorted((root / "101_ObjectCategories" / category).iterdir())[:MOST_IMAGES]:
            shutil.copy(image, folder)
        assert len(list(folder.iterdir())) == MOST_IMAGES
    return len(list(target.rglob("*.jpg")))


@pytest.mark.timeout(1200)  # It trains, on two cores too
def test_photographs_from_a_folder_to_the_map(
    workbench: Workbench, sound_page: Page, tmp_path: Path, caltech_root: Path
) -> None:
    root = tmp_path / "caltech101"
    count = some_categories(caltech_root, root)
    page = sound_page
    open_page(page, workbench, "datasets")
    page.get_by_text("Caltech-101", exact=True).click()
    page.get_by_role("textbox", name="Folder (optional)").fill(str(root))
    page.get_by_role("button", name="Import", exact=True).click()
    wait_until_done(page, "Importing caltech101")
    expect(page.get_by_text(re.compile(f"{count:,} images · .* · train"))).to_be_visible()

    go_to(page, "Training")
    expect(page.get_by_text("in seconds, without a download")).to_be_visible()  # The default
    page.get_by_role("button", name="Start training").click()
    wait_until_done(page, "Training efficientnet_lite0 on caltech101", minutes=5)

    go_to(page, "Indexes")
    build_index(page, "caltech101", MODEL)
    upload(page, root / "101_ObjectCategories" / "watch" / "image_0001.jpg")
    expect(options(page, "Matches").first).to_contain_text("1 · watch")
    expect(options(page, "Matches").first).to_contain_text("1.000")
    lasso_everything(page, draw_map(page))
    expect(page.get_by_text(f"{count:,} selected")).to_be_visible()

    found = headless(workbench.home, "evaluate", "--index", f"{MODEL}-flat")
    print(f"\nmacro recall@1 {found['recall_at_1_macro']:.3f}")
    assert found["recall_at_1_macro"] >= 0.9
