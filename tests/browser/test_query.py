"""Asking in a real browser: upload, crop, why, refine, walk back, a link, two tabs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.journey import MINUTE, go_to, options, tiles
from tests.browser.workbench import Workbench, open_page
from tests.factories.images import speckled
from tests.factories.workspaces import copy_workspace


@pytest.fixture(scope="module")
def workbench(
    made: Path, tmp_path_factory: pytest.TempPathFactory, start_workbench: Callable[..., Workbench]
) -> Workbench:
    """A server on a home of three colors with an untrained model and an index."""
    home = tmp_path_factory.mktemp("query") / "home"
    return start_workbench(copy_workspace(made, home).home)


def picture(folder: Path, color: str, seed: int, side: int = 160) -> Path:
    path = folder / f"{color}-{seed}.png"
    speckled(color, seed, side).save(path)
    return path


def ask(page: Page, *files: Path) -> None:
    """Upload files and wait for their answer."""
    page.locator("input[type=file]").first.set_input_files([str(file) for file in files])
    expect(page.get_by_text(files[0].name)).to_be_visible(timeout=MINUTE)
    expect(options(page, "Matches").first).to_be_visible(timeout=MINUTE)


def drag(page: Page, box: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag from one place to another, in fractions of an element."""
    box.scroll_into_view_if_needed()
    area = box.bounding_box()
    assert area is not None
    points = [
        (area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in (start, end)
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=5)
    page.mouse.up()


def number_of_steps(page: Page, count: int) -> None:
    expect(page.get_by_role("button", name=f"History ({count})")).to_be_visible()


@pytest.mark.slow
def test_an_upload_is_answered_cropped_refined_and_walked_back(
    workbench: Workbench, sound_page: Page, tmp_path: Path
) -> None:
    page = open_page(sound_page, workbench, "query")
    expect(page.get_by_text("25MB per file")).to_be_visible()  # Said before anything is uploaded
    ask(page, picture(tmp_path, "red", 3))
    expect(page.get_by_text("kNN vote red")).to_be_visible()
    expect(page.get_by_text("20 matches")).to_be_visible()
    expect(page.get_by_text("160 × 160 pixels")).to_be_visible()

    drag(page, page.locator(".crop"), (0.3, 0.3), (0.8, 0.8))
    expect(page.get_by_text(re.compile("80 × 80 of 160 × 160 pixels"))).to_be_visible()
    number_of_steps(page, 2)

    matches = options(page, "Matches")
    matches.nth(0).hover()
    matches.nth(0).locator(".check").click()
    matches.nth(2).locator(".check").click()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="More like these").click()
    number_of_steps(page, 3)
    expect(matches.filter(has_text="positive")).to_have_count(2)

    page.get_by_role("button", name="Undo").click()
    expect(matches.filter(has_text="positive")).to_have_count(0)
    expect(page.get_by_text(re.compile("80 × 80 of 160 × 160 pixels"))).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("160 × 160 pixels", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()

    go_to(page, "Datasets")
    go_to(page, "Query")
    expect(page.get_by_text("red-3.png")).to_be_visible()

    page.get_by_role("button", name="History (3)").click()
    asked = tiles(page, "Queries of this tab")
    expect(asked).to_have_count(3)
    asked.filter(has_text="2 examples").click()
    expect(options(page, "Matches").filter(has_text="positive")).to_have_count(2)


@pytest.mark.slow
def test_a_match_says_why_and_leads_on_and_a_link_leads_back(
    workbench: Workbench, sound_page: Page
) -> None:
    page = open_page(sound_page, workbench, "query?image=5&class=red&class=blue&k=50")
    matches = options(page, "Matches")
    expect(page.get_by_text("of 50 requested matches found")).to_be_visible()
    expect(page.get_by_role("button", name="Class: blue")).to_be_visible()
    address = page.url

    matches.nth(1).click()
    panel = page.locator(".st-key-query-match")
    expect(panel.locator(".said")).to_have_text(re.compile(r"sum to the similarity|Best "))
    panel.locator(".places").first.locator("*").first.hover()
    expect(panel.get_by_text(re.compile("Best match region"))).to_be_visible()
    panel.get_by_role("button", name="Next").click()
    expect(panel.get_by_text("3 of ")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(panel.get_by_text("2 of ")).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    matches.nth(1).click()
    panel.get_by_role("button", name="Use as query").click()
    expect(panel).to_have_count(0)
    expect(page).not_to_have_url(address)

    page.go_back()
    expect(page).to_have_url(address)
    expect(page.get_by_text("000.png").or_(page.get_by_text("004.png"))).to_be_visible()
    page.reload()
    expect(matches.first).to_be_visible(timeout=MINUTE)
    expect(page).to_have_url(address)


@pytest.mark.slow
def test_two_tabs_ask_apart(workbench: Workbench, sound_page: Page, tmp_path: Path) -> None:
    page = open_page(sound_page, workbench, "query")
    other = open_page(page.context.new_page(), workbench, "query")
    ask(page, picture(tmp_path, "red", 4))
    ask(other, picture(tmp_path, "blue", 4))
    expect(page.get_by_text("blue-4.png")).to_have_count(0)
    expect(other.get_by_text("red-4.png")).to_have_count(0)
    number_of_steps(page, 1)
    other.close()


@pytest.mark.slow
def test_matches_are_taken_out_as_a_table(workbench: Workbench, sound_page: Page) -> None:
    page = open_page(sound_page, workbench, "query?image=3")
    expect(options(page, "Matches").first).to_be_visible(timeout=MINUTE)
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV table").click()
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("rank,image_id,similarity")
