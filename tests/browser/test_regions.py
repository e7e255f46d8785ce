"""The heat maps of two pictures in a real browser, on a page of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.workbench import PageProblems, Workbench, wait_idle

SCRIPT = Path(__file__).with_name("regions_app.py")
WHOLE = "The regions of each image sum to the similarity of 0.700."
COLOR = """(canvas, [row, column]) => {
  const place = canvas.width / 3;
  const [x, y] = [(column - 0.5) * place, (row - 0.5) * place];
  return [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = Workbench(tmp_path_factory.mktemp("regions"), script=SCRIPT)
    yield app.url
    app.close()


@pytest.fixture
def opened(sound_page: Page, page_problems: PageProblems, address: str) -> Iterator[Page]:
    sound_page.goto(address)
    wait_idle(sound_page, timeout=120)  # The first to come waits for torch
    expect(places(sound_page, "query").get_by_role("button")).to_have_count(9, timeout=30_000)
    yield sound_page
    assert page_problems.console == []


def places(page: Page, side: str) -> Locator:
    return page.get_by_role("group", name=f"Regions of the {side}")


def place(page: Page, side: str, row: int, column: int) -> Locator:
    return places(page, side).get_by_role("button", name=f"row {row}, column {column},")


def strength(page: Page, side: str, row: int, column: int) -> int:
    """How opaque the heat is in the middle of a place, 0 to 255; below 0 where it is cold."""
    canvas = page.locator(".square", has=places(page, side)).locator("canvas")
    red, _, blue, alpha = canvas.evaluate(COLOR, [row, column])
    return int(alpha if red >= blue else -alpha)


def says(page: Page, sentence: str) -> None:
    expect(page.locator(".said")).to_have_text(sentence)


def test_heat_lies_where_the_pictures_are_alike_and_cold_where_not(opened: Page) -> None:
    says(opened, WHOLE)
    assert strength(opened, "query", 1, 1) > 240
    assert 0 < strength(opened, "query", 2, 2) < 200  # 0.2 of 0.5
    assert strength(opened, "query", 3, 3) == 0
    assert strength(opened, "match", 3, 3) > 240
    assert strength(opened, "match", 2, 2) < -50


def test_pointing_at_a_place_shows_what_goes_with_it_and_asks_no_server(opened: Page) -> None:
    runs = opened.get_by_text("runs:").inner_text()
    place(opened, "query", 2, 2).hover()
    says(
        opened,
        "Query row 2, column 2: +0.2000 of 0.700. Best match region: row 1, column 2, +0.3000.",
    )
    assert strength(opened, "match", 1, 2) > 240
    assert strength(opened, "match", 2, 2) < -100
    assert strength(opened, "match", 3, 3) == 0
    assert strength(opened, "query", 1, 1) > 240  # Its own picture stays
    opened.get_by_role("button", name="run again").hover()
    says(opened, WHOLE)
    assert strength(opened, "match", 3, 3) > 240
    assert opened.get_by_text("runs:").inner_text() == runs


def test_the_match_can_be_pointed_at_as_well(opened: Page) -> None:
    place(opened, "match", 3, 3).hover()
    says(
        opened,
        "Match row 3, column 3: +0.5000 of 0.700. Best query region: row 1, column 1, +0.5000.",
    )
    assert strength(opened, "query", 1, 1) > 240
    assert strength(opened, "query", 2, 2) == 0


def test_a_click_keeps_a_place_so_that_two_can_be_compared(opened: Page) -> None:
    place(opened, "query", 2, 2).click()
    expect(place(opened, "query", 2, 2)).to_have_attribute("aria-pressed", "true")
    place(opened, "match", 2, 2).hover()
    says(
        opened,
        "Query row 2, column 2 and match row 2, column 2: \N{MINUS SIGN}0.1000 of 0.700.",
    )
    place(opened, "query", 1, 1).hover()  # The kept one stays
    assert strength(opened, "match", 3, 3) == 0
    opened.get_by_role("button", name="Show all").click()
    expect(place(opened, "query", 2, 2)).to_have_attribute("aria-pressed", "false")
    says(opened, WHOLE)


def test_a_second_click_deselects(opened: Page) -> None:
    place(opened, "query", 2, 2).click()
    place(opened, "query", 2, 2).click()
    opened.get_by_role("button", name="run again").hover()
    expect(opened.get_by_role("button", name="Show all")).to_be_disabled()
    says(opened, WHOLE)


def test_keys_move_pin_and_clear(opened: Page) -> None:
    place(opened, "query", 1, 1).focus()
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("ArrowRight")
    expect(place(opened, "query", 2, 2)).to_be_focused()
    opened.keyboard.press("Enter")
    expect(place(opened, "query", 2, 2)).to_have_attribute("aria-pressed", "true")
    opened.keyboard.press("Tab")
    expect(place(opened, "match", 1, 1)).to_be_focused()  # One stop a picture
    opened.keyboard.press("ArrowUp")
    expect(place(opened, "match", 1, 1)).to_be_focused()
    opened.keyboard.press("ArrowRight")
    says(
        opened,
        "Query row 2, column 2 and match row 1, column 2: +0.3000 of 0.700.",
    )
    opened.keyboard.press("Escape")
    expect(place(opened, "query", 2, 2)).to_have_attribute("aria-pressed", "false")


def test_what_is_kept_outlives_a_run_and_not_another_pair(opened: Page) -> None:
    place(opened, "query", 1, 1).click()
    opened.get_by_role("button", name="run again").click()
    wait_idle(opened)
    expect(place(opened, "query", 1, 1)).to_have_attribute("aria-pressed", "true")
    opened.get_by_text("exchanged").click()
    expect(place(opened, "query", 3, 3)).to_have_accessible_name("row 3, column 3, +0.5000")
    expect(place(opened, "query", 1, 1)).to_have_attribute("aria-pressed", "false")
    assert strength(opened, "query", 3, 3) > 240
    assert strength(opened, "query", 1, 1) < 60


def test_the_heat_can_be_turned_down_to_the_bare_pictures(opened: Page) -> None:
    canvas = opened.locator(".square canvas").first
    expect(canvas).to_have_css("opacity", "0.75")
    opened.get_by_role("slider", name="Opacity").fill("0")
    expect(canvas).to_have_css("opacity", "0")
    expect(opened.locator("figure img").first).to_have_css("filter", "grayscale(0)")


@pytest.mark.parametrize("width", [1440, 800])
def test_the_heat_lies_over_the_square_that_the_network_sees(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 900})
    for at, (across, down) in enumerate([(200 / 320, 1), (1, 200 / 260)]):
        whole = opened.locator("figure img").nth(at).bounding_box()
        square = opened.locator(".square").nth(at).bounding_box()
        assert whole is not None
        assert square is not None
        assert square["width"] == pytest.approx(whole["width"] * across, abs=1)
        assert square["height"] == pytest.approx(whole["height"] * down, abs=1)
        assert square["x"] - whole["x"] == pytest.approx(
            whole["x"] + whole["width"] - square["x"] - square["width"], abs=1
        )
        assert square["y"] - whole["y"] == pytest.approx(
            whole["y"] + whole["height"] - square["y"] - square["height"], abs=1
        )
    figures = opened.locator("figure")
    left, right = (figures.nth(at).bounding_box() for at in (0, 1))
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] < right["x"]
    assert right["x"] + right["width"] <= width
