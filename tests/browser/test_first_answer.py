"""The first answer: three clicks from an empty workspace and a typed folder, on photographs."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journey import MINUTE, options, tiles
from tests.browser.workbench import Workbench, open_page
from tests.factories.images import class_folders

CLASSES = (
    *("butterfly", "car_side", "chandelier", "dollar_bill", "grand_piano"),
    *("ketch", "laptop", "stop_sign", "sunflower", "watch"),
)
PER_CLASS = 30
QUERY = "image_0055.jpg"
"""A photograph of a class that is not imported."""


@pytest.fixture
def photographs(caltech_root: Path, tmp_path: Path) -> Path:
    """A folder of 300 photographs in ten classes."""
    root = tmp_path / "photographs"
    for label in CLASSES:
        folder = root / label
        folder.mkdir(parents=True)
        for image in sorted((caltech_root / "101_ObjectCategories" / label).iterdir())[:PER_CLASS]:
            shutil.copy(image, folder)
    return root


@pytest.mark.slow
@pytest.mark.timeout(900)  # It trains a head, on two cores too
def test_a_typed_folder_is_three_clicks_from_a_right_answer(
    workbench: Workbench, sound_page: Page, photographs: Path, caltech_root: Path
) -> None:
    page = open_page(sound_page, workbench)
    clicks = 0
    page.get_by_role("textbox", name="Folder or address").press_sequentially(str(photographs))
    expect(page.get_by_text("300 images · 10 classes")).to_be_visible()

    page.get_by_role("button", name="Import and make searchable").click()
    clicks += 1
    expect(page.get_by_text("Drop an image to search")).to_be_visible(timeout=10 * MINUTE)
    expect(tiles(page, "Images of photographs")).to_have_count(36)

    field = page.locator(".st-key-home-search input[type=file]")
    field.set_input_files(caltech_root / "101_ObjectCategories" / "watch" / QUERY)
    clicks += 1  # What a person drops or chooses
    expect(page.get_by_role("heading", name="Query", level=1)).to_be_visible()
    expect(options(page, "Matches").first).to_contain_text("1 · watch", timeout=2 * MINUTE)
    assert clicks <= 3


def test_an_uploaded_folder_is_previewed_and_imported(
    start_workbench: Callable[..., Workbench], sound_page: Page, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "pets", red=3, blue=2)
    page = open_page(sound_page, start_workbench(), "datasets")
    page.get_by_role("textbox", name="Folder or address").fill(str(root))
    page.keyboard.press("Tab")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("pets")
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.get_by_text("Upload folder", exact=True).click()
    page.locator("[class*=st-key-datasets-upload] input[type=file]").set_input_files(root)
    expect(page.get_by_text("5 images · 2 classes")).to_be_visible(timeout=MINUTE)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(options(page, "Images of the dataset")).to_have_count(5, timeout=MINUTE)


def test_home_shows_images_in_the_first_screen(
    start_workbench: Callable[..., Workbench], sound_page: Page, made: Path, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(made, tmp_path / "home"))
    page = open_page(sound_page, start_workbench(home))
    images = tiles(page, "Images of colors")
    expect(images).to_have_count(30)
    boxes = [images.nth(number).bounding_box() for number in range(30)]
    whole = [box for box in boxes if box and box["y"] + box["height"] <= 900]
    assert len(whole) >= 12
    assert min(box["y"] for box in whole) <= 130
    images.first.click()
    expect(page.get_by_role("heading", name="Query", level=1)).to_be_visible()
    expect(options(page, "Matches").first).to_be_visible(timeout=MINUTE)
