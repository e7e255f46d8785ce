"""A lasso by the mouse leads to images, to what is said of them, and to a better dataset."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from core.artifacts.folders import list_artifacts
from core.datasets.columns import ImageFilter, ImageStatus
from core.datasets.registry import open_dataset
from core.maps.config import MapConfig, MapMethod
from core.maps.files import build_map
from core.progress import finish
from core.workspace import Workspace
from tests.browser.journey import MINUTE, lasso_everything, tiles
from tests.browser.workbench import Workbench, open_page, wait_idle


def test_a_lasso_leads_to_images_and_they_are_left_out_and_compared(
    full: Workspace, start_workbench: Callable[..., Workbench], sound_page: Page
) -> None:
    [index], _ = list_artifacts(full.indexes)
    finish(build_map(full, MapConfig(index=index.id, method=MapMethod.PCA)))
    catalog = open_dataset(full, "colors").catalog
    page = open_page(sound_page, start_workbench(full.home), "explore")
    page.locator(".workbench-scatter[data-drawn]").wait_for(timeout=MINUTE)
    expect(page.get_by_text("PCA in 2D · ")).to_be_visible()

    box, window = page.locator(".workbench-scatter-plot").bounding_box(), page.viewport_size
    assert box is not None
    assert window is not None
    assert 0.7 * window["height"] < box["height"] < window["height"] - box["y"]

    page.get_by_role("group", name="Clusters").get_by_role("button").first.click()
    expect(tiles(page, "Neighbors")).to_have_count(10)
    page.get_by_role("button", name="Clear").click()
    expect(tiles(page, "Neighbors")).to_have_count(0)

    lasso_everything(page, page.locator(".workbench-scatter-plot .nsewdrag"))
    expect(page.get_by_text("30 selected", exact=True)).to_be_visible(timeout=MINUTE)
    expect(page.get_by_text("Precision@10")).to_be_visible()
    expect(tiles(page, "Selected images")).to_have_count(30)

    page.get_by_role("button", name="Exclude").click()
    gallery = page.get_by_role("group", name="Selected images")
    excluded = gallery.get_by_role("button", name="(excluded)")
    expect(excluded).to_have_count(30)
    assert catalog.count(ImageFilter(status=ImageStatus.EXCLUDED)) == 30
    page.get_by_role("button", name="Undo").click()
    expect(excluded).to_have_count(0)
    assert catalog.count(ImageFilter(status=ImageStatus.EXCLUDED)) == 0

    wait_idle(page)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("10-NN:").first).to_be_visible()
    expect(page.get_by_text("30 images in both")).to_be_visible()
    page.get_by_role("button", name="End comparison").click()
    expect(page.get_by_text("30 selected", exact=True)).to_be_visible()

    page.get_by_role("button", name="Clear selection").click()
    expect(page.get_by_text("30 selected", exact=True)).to_have_count(0)
    page.wait_for_function(
        "!document.querySelector('.workbench-scatter-plot').layout.selections.length"
    )
