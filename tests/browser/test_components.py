"""The gallery and the map in a real browser, on a page of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.workbench import PageProblems, Workbench, wait_idle

SCRIPT = Path(__file__).with_name("component_app.py")
PLOT = "document.querySelector('.workbench-scatter-plot')"
ON_SCREEN = f"""([x, y]) => {{
  const {{ xaxis, yaxis }} = {PLOT}._fullLayout;
  const box = {PLOT}.querySelector('.nsewdrag').getBoundingClientRect();
  return [box.left + xaxis.l2p(x), box.top + yaxis.l2p(y)];
}}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("components")
    shutil.copy(SCRIPT, folder)  # streamlit serves the static/ beside the script it runs
    (folder / "static").mkdir()
    environment = {"COMPONENT_APP_STATIC": str(folder / "static")}
    app = Workbench(folder / "home", environment, folder / SCRIPT.name)
    yield app.url
    app.close()


@pytest.fixture
def gallery(sound_page: Page, address: str) -> Locator:
    open_view(sound_page, address, "gallery")
    return sound_page.get_by_role("group", name="Pictures")


@pytest.fixture
def map_page(sound_page: Page, address: str) -> Page:
    open_view(sound_page, address, "map")
    return drawn(sound_page)


def open_view(page: Page, address: str, view: str) -> None:
    page.goto(address)
    wait_idle(page)
    show(page, view)


def show(page: Page, view: str) -> None:
    page.get_by_role("radio", name=view).click()


def drawn(page: Page) -> Page:
    """Wait for the plot; software WebGL takes its time."""
    page.locator(".workbench-scatter[data-drawn]").wait_for(timeout=60_000)
    return page


def says(page: Page, text: str) -> None:
    expect(page.get_by_text(text, exact=True)).to_be_visible(timeout=20_000)


def num_selected(page: Page) -> int:  # as the browser counts
    return int(page.evaluate(f"{PLOT}.data.at(-1).selectedpoints?.length ?? 0"))


def drag(page: Page, *corners: tuple[float, float]) -> None:  # in map units
    places = [page.evaluate(ON_SCREEN, corner) for corner in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=3)
    page.mouse.up()


def lasso_north_west(page: Page) -> None:
    drag(page, (-5.8, 5.8), (-4.2, 5.8), (-4.2, 4.2), (-5.8, 4.2), (-5.8, 5.8))


# The gallery


def test_a_click_names_its_tile_for_one_run(gallery: Locator, sound_page: Page) -> None:
    gallery.get_by_role("button", name="first of page 0").click()
    says(sound_page, "clicked now: 1, so far: [1]")
    sound_page.get_by_role("button", name="run again").click()
    says(sound_page, "clicked now: None, so far: [1]")


def test_the_same_tile_can_be_clicked_again(gallery: Locator, sound_page: Page) -> None:
    gallery.get_by_role("button").nth(2).click()
    says(sound_page, "clicked now: 3, so far: [3]")
    gallery.get_by_role("button").nth(2).click()
    says(sound_page, "clicked now: 3, so far: [3, 3]")


def test_tiles_are_reached_and_chosen_by_keyboard(gallery: Locator, sound_page: Page) -> None:
    gallery.get_by_role("button").first.focus()
    sound_page.keyboard.press("Tab")
    sound_page.keyboard.press("Enter")
    says(sound_page, "clicked now: 2, so far: [2]")
    sound_page.keyboard.press("ArrowLeft")
    sound_page.keyboard.press("Space")
    says(sound_page, "clicked now: 1, so far: [2, 1]")


def test_other_tiles_take_the_place_of_these(gallery: Locator, sound_page: Page) -> None:
    expect(gallery.get_by_role("button")).to_have_count(3)
    gallery.evaluate("(grid) => { grid.firstElementChild.before_switch = true }")
    sound_page.get_by_text("second page").click()
    first = gallery.get_by_role("button", name="first of page 1")
    expect(first).to_be_visible()
    assert first.evaluate("(tile) => tile.before_switch")
    first.click()
    says(sound_page, "clicked now: 11, so far: [11]")


def test_a_file_name_is_shown_as_it_is(gallery: Locator) -> None:
    expect(gallery.locator(".title").nth(1)).to_have_text(
        '<b>bold</b> ![x](/evil.png) <a href="/evil">link</a>'
    )
    expect(gallery.locator("b, a, [src*=evil]")).to_have_count(0)


def test_a_missing_picture_says_why(gallery: Locator) -> None:
    expect(gallery.get_by_text("The file is empty.")).to_be_visible()
    expect(gallery.locator("img:visible")).to_have_count(2)


# The map


def test_a_lasso_selects_what_it_encloses_and_outlives_a_run(map_page: Page) -> None:
    lasso_north_west(map_page)
    says(map_page, "selected: 100")
    assert num_selected(map_page) == 100
    map_page.get_by_role("button", name="run again").click()
    wait_idle(map_page)
    says(map_page, "events: lasso.")
    assert num_selected(map_page) == 100


def test_a_box_is_right_while_a_point_is_highlighted(map_page: Page) -> None:
    # plotly 4.1 reads the box as pixels when the last shape on the plot is sized in pixels
    map_page.get_by_role("button", name="highlight").click()
    map_page.wait_for_function(f"{PLOT}.layout.shapes.length > 0")
    map_page.locator('.workbench-scatter [data-val="select"]').click()
    drag(map_page, (-5.8, 5.8), (5.8, 4.2))
    says(map_page, "selected: 200")
    assert num_selected(map_page) == 200


def test_a_lasso_may_begin_inside_another(map_page: Page) -> None:
    lasso_north_west(map_page)
    says(map_page, "selected: 100")
    drag(map_page, (-5, 5), (5.8, 5.8), (5.8, 4.2), (-5, 5))
    says(map_page, "events: lasso lasso.")


def test_a_group_that_the_legend_hides_is_not_selected(map_page: Page) -> None:
    drag(map_page, (-5.8, 5.8), (5.8, 5.8), (5.8, 4.2), (-5.8, 4.2), (-5.8, 5.8))
    says(map_page, "selected: 200")
    map_page.locator(".workbench-scatter .legendtoggle").nth(1).click(force=True)
    says(map_page, "selected: 100")
    assert num_selected(map_page) == 100


def test_a_double_click_and_the_page_clear_the_selection(map_page: Page) -> None:
    lasso_north_west(map_page)
    says(map_page, "selected: 100")
    map_page.mouse.dblclick(*map_page.evaluate(ON_SCREEN, [0, 0]))
    says(map_page, "events: lasso clear.")
    says(map_page, "selected: nothing")
    lasso_north_west(map_page)
    says(map_page, "selected: 100")
    map_page.get_by_role("button", name="dismiss").click()
    says(map_page, "selected: nothing")
    map_page.wait_for_function(f"!{PLOT}.layout.selections.length")
    assert num_selected(map_page) == 0


def test_a_click_names_the_point_and_a_highlight_keeps_the_view(map_page: Page) -> None:
    whole = map_page.evaluate(f"{PLOT}._fullLayout.xaxis.range[0]")
    map_page.mouse.move(*map_page.evaluate(ON_SCREEN, [5, -5]))
    map_page.evaluate(f"{PLOT}.once('plotly_relayout', () => {{ window.zoomed = true }})")
    map_page.mouse.wheel(0, -300)
    map_page.wait_for_function("window.zoomed")
    assert map_page.evaluate(f"{PLOT}._fullLayout.xaxis.range[0]") > whole
    view = map_page.evaluate(f"{PLOT}._fullLayout.xaxis.range")
    tip = map_page.locator(".workbench-scatter-tip")
    map_page.mouse.move(*map_page.evaluate(ON_SCREEN, [3, -3]))  # plotly clicks what it hovers
    expect(tip).to_be_hidden()
    corner = map_page.evaluate(ON_SCREEN, [5.45, -4.55])  # the last point of the last block
    map_page.mouse.move(*corner)
    expect(tip).to_contain_text("<b>bold</b>")
    map_page.mouse.click(*corner)
    says(map_page, "point: 399")
    map_page.get_by_role("button", name="highlight").click()
    map_page.wait_for_function(f"{PLOT}.layout.shapes.length > 0")
    assert map_page.evaluate(f"{PLOT}._fullLayout.xaxis.range") == view


def test_names_of_groups_are_no_html(map_page: Page) -> None:
    expect(map_page.locator(".workbench-scatter .legendtext").nth(3)).to_contain_text("<b>bold</b>")
    expect(map_page.locator(".workbench-scatter .legend a")).to_have_count(0)


def test_the_selection_is_there_again_after_another_view(map_page: Page) -> None:
    lasso_north_west(map_page)
    says(map_page, "selected: 100")
    show(map_page, "neither")
    says(map_page, "nothing here")
    show(map_page, "map")
    drawn(map_page)
    map_page.wait_for_function(f"{PLOT}.data.at(-1).selectedpoints?.length === 100")
    says(map_page, "events: lasso.")


@pytest.mark.slow
def test_visits_leave_no_webgl_contexts_behind(map_page: Page) -> None:
    warnings: list[Any] = []
    map_page.on("console", lambda message: warnings.append(message.text))
    for _ in range(12):  # three contexts each, and a browser has sixteen
        show(map_page, "neither")
        says(map_page, "nothing here")
        show(map_page, "map")
        drawn(map_page)
    assert warnings == []


def test_without_webgl_the_map_says_so(
    page: Page, page_problems: PageProblems, address: str
) -> None:
    page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    open_view(page, address, "map")
    expect(page.locator(".workbench-scatter [role=alert]")).to_contain_text("WebGL is off")
    assert page_problems.uncaught == []
