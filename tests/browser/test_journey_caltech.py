"""The whole journey on real photographs: some categories of Caltech-101."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journey import (
    build_index,
    choose_option,
    draw_map,
    go_to,
    headless,
    lasso_everything,
    metric,
    options,
    set_number,
    settings_tab,
    start_from_scratch,
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
MOST_IMAGES = 30
"""Of each category: the largest have hundreds, and this must be quick on two cores."""

BACKBONE, SIDE = "resnet18", 48
EPOCHS, BATCH_SIZE = 10, 32


def some_categories(root: Path, target: Path) -> int:
    """Copy the first images of some categories, in Caltech-101's layout, and count them."""
    for category in CLASSES:
        folder = target / "101_ObjectCategories" / category
        folder.mkdir(parents=True)
        for image in sorted((root / "101_ObjectCategories" / category).iterdir())[:MOST_IMAGES]:
            shutil.copy(image, folder)
        assert len(list(folder.iterdir())) == MOST_IMAGES
    return len(list(target.rglob("*.jpg")))


def untrained(home: Path) -> dict[str, float]:
    """Evaluate the same network before it has learnt anything."""
    size = ("--image-size", str(SIDE))
    whole = ("--weights", "none", "--trainable-blocks", "4", "--epochs", "0", *size)
    model = headless(home, "train", "--dataset", "caltech101", "--backbone", BACKBONE, *whole)["id"]
    index = headless(home, "index", "--dataset", "caltech101", "--model", model)["id"]
    return headless(home, "evaluate", "--index", index)


@pytest.mark.timeout(1200)  # It trains, on two cores too
def test_photographs_from_a_folder_to_the_map(
    workbench: Workbench, sound_page: Page, tmp_path: Path, caltech_root: Path
) -> None:
    root = tmp_path / "caltech101"
    count = some_categories(caltech_root, root)
    page = sound_page
    open_page(page, workbench, "datasets")
    page.get_by_text("Caltech-101", exact=True).click()
    page.get_by_role("textbox", name="Folder, if you have it already").fill(str(root))
    page.get_by_role("textbox", name="Folder, if you have it already").press("Tab")
    page.get_by_role("button", name="Bring it in").click()
    wait_until_done(page, "Importing caltech101")
    expect(metric(page, "Images")).to_contain_text(f"{count:,}")
    before = untrained(workbench.home)

    go_to(page, "Training")
    page.get_by_text("Settings", exact=True).click()  # They stay open through the next choice
    start_from_scratch(page)
    choose_option(page, "Backbone", "ResNet-18")
    settings_tab(page, "Learning")
    set_number(page, "Epochs", EPOCHS)
    set_number(page, "Batch size", BATCH_SIZE)
    expect(
        page.get_by_text(re.compile(f"{EPOCHS} epochs · .* batch {BATCH_SIZE} "))
    ).to_be_visible()
    page.get_by_role("button", name="Start training").click()
    wait_until_done(page, f"Training {BACKBONE} on caltech101", minutes=10)

    go_to(page, "Indexes")
    build_index(page, "caltech101", f"caltech101-{BACKBONE}")
    upload(page, root / "101_ObjectCategories" / "watch" / "image_0001.jpg")
    expect(options(page, "Matches").first).to_contain_text("1 · watch")
    expect(options(page, "Matches").first).to_contain_text("similarity 1.000")
    lasso_everything(page, draw_map(page))
    expect(page.get_by_text(f"Selected: {count:,} images.")).to_be_visible()

    after = headless(workbench.home, "evaluate", "--index", f"caltech101-{BACKBONE}-flat")
    print(
        f"\nmacro recall@1: untrained {before['recall_at_1_macro']:.3f}, "
        f"trained {after['recall_at_1_macro']:.3f}"
    )
    assert after["recall_at_1_macro"] >= before["recall_at_1_macro"] + 0.10
