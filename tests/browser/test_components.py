"""The galleries and the map in a real browser, on a page of their own."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.journey import MINUTE
from tests.browser.workbench import PageProblems, SlowLine, Workbench, wait_idle

SCRIPT = Path(__file__).with_name("component_app.py")
HOSTILE = '<b>bold</b> ![x](/evil.png) <a href="/evil">link</a>'
PLOT = "document.querySelector('.workbench-scatter-plot')"
ON_SCREEN = f"""([x, y]) => {{
  const {{ xaxis, yaxis }} = {PLOT}._fullLayout;
  const box = {PLOT}.querySelector('.nsewdrag').getBoundingClientRect();
  return [box.left + xaxis.l2p(x), box.top + yaxis.l2p(y)];
}}"""

CLICK_AT_ONCE = f"""async ([at, held]) => {{
  const area = {PLOT}.querySelector('.nsewdrag');
  const tell = (name, onto) => onto.dispatchEvent(new MouseEvent(
    name, {{ clientX: at[0], clientY: at[1], bubbles: true, cancelable: true, buttons: 1 }}));
  tell('mousemove', area);
  tell('mousedown', area);
  const pressed = performance.now();
  if (held) await new Promise((resolve) => setTimeout(resolve, held));
  tell('mouseup', document);
  return performance.now() - pressed;
}}"""
"""A pointer that comes and clicks before plotly looks what is under it, which it does in 50 ms.
Returns how long it pressed."""

LONG_PRESS_MS = 250
"""Plotly takes a press of 300 ms or more for none, and a busy machine may be late."""


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
    return sound_page.get_by_role("group", name="Images")


@pytest.fixture
def options(sound_page: Page, page_problems: PageProblems, address: str) -> Iterator[Locator]:
    """The tiles that can be selected; tile 1 is the first."""
    open_view(sound_page, address, "selection")
    tiles = sound_page.get_by_role("listbox", name="Images").get_by_role("option")
    expect(tiles).to_have_count(30)
    yield tiles
    assert page_problems.console == []


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


def click_at(
    page: Page,
    place: tuple[float, float],
    held_ms: int = 0,
    approach: Callable[[], None] = lambda: None,
) -> None:
    """Click a place of the map, again if the machine was too late to release the button."""
    pressed_ms = float(LONG_PRESS_MS)
    while pressed_ms >= LONG_PRESS_MS:
        approach()
        pressed_ms = page.evaluate(CLICK_AT_ONCE, [page.evaluate(ON_SCREEN, place), held_ms])


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
    expect(gallery.locator(".title").nth(1)).to_have_text(HOSTILE)
    expect(gallery.locator("b, a, [src*=evil]")).to_have_count(0)


def test_a_missing_picture_says_why(gallery: Locator) -> None:
    expect(gallery.get_by_text("The file is empty.")).to_be_visible()
    expect(gallery.locator("img:visible")).to_have_count(2)


# The gallery whose tiles can be selected; the thirty of page one are 1 to 30, and 130 is picked


def check(options: Locator, number: int, **how: Any) -> None:
    """Click the circle of tile `number`."""
    options.nth(number - 1).locator(".check").click(**how)


def picture(options: Locator, number: int) -> Locator:
    return options.nth(number - 1).locator(".picture")


def looks_selected(options: Locator, *numbers: int) -> None:
    """Expect these tiles of the page, and no others, to be drawn as selected."""
    selected = options.and_(options.page.locator("[aria-selected=true]"))
    expect(selected).to_have_count(len(numbers))
    for number in numbers:
        expect(options.nth(number - 1)).to_have_attribute("aria-selected", "true")


def is_selected(options: Locator, *numbers: int) -> None:
    """Expect just that to be selected on page one, in the browser and on the server."""
    looks_selected(options, *numbers)
    says(options.page, f"selected: {[*numbers, 130]}")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def num_columns(options: Locator) -> int:
    in_first_row = "(tiles) => tiles.filter((t) => t.offsetTop === tiles[0].offsetTop).length"
    return int(options.evaluate_all(in_first_row))


def test_a_click_opens_and_selects_nothing(options: Locator, sound_page: Page) -> None:
    picture(options, 4).click()
    says(sound_page, "opened: [4]")
    is_selected(options)
    sound_page.get_by_role("button", name="run again").click()
    picture(options, 4).click()
    says(sound_page, "opened: [4, 4]")


def test_a_click_selects_where_nothing_opens(options: Locator, sound_page: Page) -> None:
    sound_page.get_by_text("clicks select").click()
    images = sound_page.get_by_role("listbox", name="Images")
    expect(images).to_have_accessible_description(re.compile("^Enter and Space select"))
    picture(options, 4).click()
    is_selected(options, 4)
    sound_page.keyboard.press("Enter")
    is_selected(options)
    says(sound_page, "opened: []")


def test_the_circle_selects_and_deselects_without_opening(
    options: Locator, sound_page: Page
) -> None:
    check(options, 4)
    is_selected(options, 4)
    says(sound_page, "reports: 1")
    check(options, 4)
    is_selected(options)
    says(sound_page, "reports: 2")
    says(sound_page, "opened: []")


def test_a_change_is_reported_once(options: Locator, sound_page: Page) -> None:
    check(options, 4)
    is_selected(options, 4)
    sound_page.get_by_role("button", name="clear").click()
    says(sound_page, "selected: []")
    looks_selected(options)
    picture(options, 5).click()
    says(sound_page, "opened: [5]")
    says(sound_page, "selected: []")
    says(sound_page, "reports: 1")


def test_control_and_click_selects(options: Locator, sound_page: Page) -> None:
    picture(options, 2).click(modifiers=["Control"])
    picture(options, 5).click(modifiers=["Meta"])
    is_selected(options, 2, 5)
    says(sound_page, "opened: []")


def test_shift_selects_from_the_tile_last_toggled(options: Locator, sound_page: Page) -> None:
    check(options, 9)
    check(options, 5)
    picture(options, 7).click(modifiers=["Shift"])
    is_selected(options, 5, 6, 7, 9)
    check(options, 3, modifiers=["Shift"])  # drawn to the other side: 6 and 7 are let go
    is_selected(options, 3, 4, 5, 9)
    says(sound_page, "opened: []")


def test_a_range_begins_anew_after_clear(options: Locator, sound_page: Page) -> None:
    check(options, 2)
    sound_page.get_by_role("button", name="clear").click()
    looks_selected(options)
    picture(options, 8).click(modifiers=["Shift"])
    looks_selected(options, 8)
    says(sound_page, "selected: [8]")


def test_arrows_move_and_keys_open_and_select(options: Locator, sound_page: Page) -> None:
    columns = num_columns(options)
    assert 30 % columns, "this test wants an incomplete last row"
    options.first.focus()
    press(sound_page, "ArrowRight", "ArrowDown", "Enter")
    says(sound_page, f"opened: [{columns + 2}]")
    expect(options.nth(columns + 1)).to_be_focused()
    press(sound_page, "ArrowUp", "Space", "End", "Space", "Home", "ArrowLeft")
    is_selected(options, 2, 30)
    expect(options.first).to_be_focused()
    options.nth(30 // columns * columns - 1).focus()  # there is none right below
    press(sound_page, "ArrowDown")
    expect(options.last).to_be_focused()


def test_the_arrows_follow_the_columns_of_a_narrow_window(
    options: Locator, sound_page: Page
) -> None:
    sound_page.set_viewport_size({"width": 800, "height": 900})
    columns = num_columns(options)
    options.first.focus()
    press(sound_page, "ArrowDown", "Space")
    is_selected(options, columns + 1)


def test_shift_and_arrows_extend_and_draw_back(options: Locator, sound_page: Page) -> None:
    check(options, 20)
    options.nth(3).focus()
    press(sound_page, "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
    is_selected(options, 4, 5, 6, 7, 20)
    press(sound_page, "Shift+ArrowLeft")
    is_selected(options, 4, 5, 6, 20)
    press(sound_page, "ArrowRight", "ArrowRight", "Shift+ArrowRight")  # another stretch
    is_selected(options, 4, 5, 6, 8, 9, 20)


def test_all_of_the_page_and_none_of_it(options: Locator, sound_page: Page) -> None:
    options.nth(2).focus()
    press(sound_page, "Control+a")
    is_selected(options, *range(1, 31))
    press(sound_page, "Escape")
    is_selected(options)  # and 130, on another page, stays
    expect(options.nth(2)).to_be_focused()


def test_quick_clicks_all_arrive(options: Locator) -> None:
    circles = "(tiles) => tiles.slice(3, 15).forEach((t) => t.querySelector('.check').click())"
    options.evaluate_all(circles)
    is_selected(options, *range(4, 16))
    for number in range(4, 10):
        check(options, number)
    is_selected(options, *range(10, 16))


def test_a_selection_just_before_the_page_turns_is_kept(options: Locator, sound_page: Page) -> None:
    check(options, 4)
    sound_page.get_by_text("second page").click()
    says(sound_page, "selected: [4, 130]")


def test_a_late_answer_undoes_no_quicker_click(sound_page: Page, address: str) -> None:
    line = SlowLine(sound_page)
    open_view(sound_page, address, "selection")
    options = sound_page.get_by_role("option")
    options.nth(4).evaluate(
        """(tile) => {
          window.history_of_five = [];
          const note = () => window.history_of_five.push(tile.getAttribute("aria-selected"));
          new MutationObserver(note).observe(tile, { attributeFilter: ["aria-selected"] });
        }"""
    )
    line.hold()
    check(options, 4)
    line.wait_for(b'"ids": [4]')
    check(options, 5)
    line.release()
    is_selected(options, 4, 5)
    assert sound_page.evaluate("window.history_of_five") == ["true"]


def test_another_page_begins_from_its_own_selection(options: Locator, sound_page: Page) -> None:
    check(options, 1)
    is_selected(options, 1)
    sound_page.get_by_text("second page").click()
    expect(options.first).to_have_accessible_name("tile 101")
    looks_selected(options, 30)
    picture(options, 3).click(modifiers=["Shift"])  # no range from the page before
    looks_selected(options, 3, 30)
    says(sound_page, "selected: [1, 103, 130]")
    sound_page.get_by_text("second page").click()
    expect(options.first).to_have_accessible_name("tile 1")
    looks_selected(options, 1)


def test_the_focus_stays_where_it_was(options: Locator, sound_page: Page) -> None:
    options.nth(29).focus()
    press(sound_page, "Space")
    is_selected(options, 30)
    expect(options.nth(29)).to_be_focused()
    sound_page.keyboard.press("ArrowLeft")
    expect(options.nth(28)).to_be_focused()


def test_tab_reaches_one_tile(options: Locator, sound_page: Page) -> None:
    reachable = options.and_(sound_page.locator("[tabindex='0']"))
    expect(reachable).to_have_count(1)
    expect(reachable).to_have_accessible_name("tile 1")
    options.nth(4).focus()
    expect(reachable).to_have_accessible_name("tile 5")
    sound_page.get_by_text("few", exact=True).click()  # the tile in question goes
    expect(options).to_have_count(4)
    expect(reachable).to_have_accessible_name("tile 1")


def test_the_circles_show_when_they_are_of_use(sound_page: Page, options: Locator) -> None:
    circle = options.nth(6).locator(".check")
    expect(circle).to_have_css("opacity", "1")  # for 130 is selected, elsewhere
    sound_page.get_by_role("button", name="clear").click()
    expect(circle).to_have_css("opacity", "0")
    options.nth(6).hover()
    expect(circle).to_have_css("opacity", "1")
    sound_page.get_by_role("button", name="clear").hover()
    expect(circle).to_have_css("opacity", "0")
    options.nth(5).focus()
    sound_page.keyboard.press("ArrowRight")
    expect(circle).to_have_css("opacity", "1")


def test_a_screen_reader_hears_what_is_shown(options: Locator, sound_page: Page) -> None:
    grid = sound_page.get_by_role("listbox", name="Images")
    expect(grid).to_have_attribute("aria-multiselectable", "true")
    expect(grid).to_have_accessible_description(re.compile("Enter opens, Space selects"))
    expect(options.nth(2)).to_have_accessible_name("tile 3 (excluded)")
    expect(options.nth(2).locator(".badge")).to_be_visible()
    expect(options.nth(1)).to_have_accessible_name(f"{HOSTILE}, <i>one</i>, two, lines, **3**, 4")


def test_chips_are_text_and_those_too_many_are_counted(options: Locator) -> None:
    chips = options.nth(1).locator(".chips span")
    expect(chips).to_have_text(["<i>one</i>", "two lines", "+2"])
    expect(options.nth(1).locator("b, i, a, [src*=evil]")).to_have_count(0)
    expect(options.nth(0).locator(".chips span")).to_have_count(0)


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


def look(page: Page, name: str) -> None:
    before = page.locator(".workbench-scatter").get_attribute("data-drawn")
    page.get_by_role("button", name=name, exact=True).click()
    if name in ("numbers", "space", "contours"):
        page.locator(f".workbench-scatter[data-drawn='{name}']").wait_for(timeout=60_000)
    else:
        assert before == "four"
    wait_idle(page)


def test_a_click_in_the_legend_shows_one_group_alone_and_the_next_all(map_page: Page) -> None:
    drag(map_page, (-5.8, 5.8), (5.8, 5.8), (5.8, 4.2), (-5.8, 4.2), (-5.8, 5.8))
    says(map_page, "selected: 200")
    entry = map_page.locator(".workbench-scatter .legendtoggle").nth(0)
    entry.click(force=True)
    says(map_page, "selected: 100")
    assert len(map_page.evaluate(f"[...{PLOT}.data.at(-1).x]")) == 100
    map_page.wait_for_timeout(500)  # Two clicks close together are a double click
    entry.click(force=True)
    says(map_page, "selected: 200")
    assert len(map_page.evaluate(f"[...{PLOT}.data.at(-1).x]")) == 400


def test_the_page_can_show_some_groups_only(map_page: Page) -> None:
    look(map_page, "only")
    map_page.wait_for_function(f"{PLOT}.data.at(-1).x.length === 100")
    assert max(map_page.evaluate(f"[...{PLOT}.data.at(-1).x]")) < 0  # The south west
    look(map_page, "only")
    map_page.wait_for_function(f"{PLOT}.data.at(-1).x.length === 400")


def test_numbers_color_the_points_beside_a_bar(map_page: Page) -> None:
    look(map_page, "numbers")
    expect(map_page.locator(".workbench-scatter .colorbar")).to_contain_text("a number")
    expect(map_page.locator(".workbench-scatter .legendtoggle")).to_have_count(0)
    assert map_page.evaluate(f"{PLOT}.data.at(-1).marker.color[100]") == 0.25
    lasso_north_west(map_page)
    says(map_page, "selected: 100")


def test_pictures_stand_on_the_map_and_keep_their_size(map_page: Page) -> None:
    look(map_page, "pins")
    pins = map_page.locator(".workbench-scatter-pins img:visible")
    expect(pins).to_have_count(2)  # The second would cover the first
    box = pins.first.bounding_box()
    x, y = map_page.evaluate(ON_SCREEN, [-5.45, 4.55])
    assert box is not None
    assert abs(box["x"] + box["width"] / 2 - x) < 3
    assert abs(box["y"] + box["height"] / 2 - y) < 3
    map_page.mouse.move(x, y)
    map_page.evaluate(f"{PLOT}.once('plotly_relayout', () => {{ window.zoomed = true }})")
    map_page.mouse.wheel(0, -300)
    map_page.wait_for_function("window.zoomed")
    after = pins.first.bounding_box()
    assert after is not None
    assert after["width"] == box["width"]


def test_contours_lie_under_the_points(map_page: Page) -> None:
    look(map_page, "contours")
    expect(map_page.locator(".workbench-scatter .contourlayer path").first).to_be_attached()
    lasso_north_west(map_page)
    says(map_page, "selected: 100")


def test_a_star_is_no_point_and_has_lines(map_page: Page) -> None:
    map_page.get_by_role("button", name="star", exact=True).click()
    map_page.wait_for_function(f"{PLOT}.layout.shapes.some((shape) => shape.type === 'path')")
    [line, *_] = map_page.evaluate(f"{PLOT}.layout.shapes")
    assert (line["x0"], line["y0"]) == (0, 0)
    expect(map_page.locator(".workbench-scatter.dimmed")).to_have_count(0)


def test_a_picture_appears_where_the_pointer_rests(map_page: Page) -> None:
    tip = map_page.locator(".workbench-scatter-tip")
    map_page.mouse.move(*map_page.evaluate(ON_SCREEN, [0, 0]))
    map_page.mouse.move(*map_page.evaluate(ON_SCREEN, [5.45, 5.45]), steps=3)
    expect(map_page.locator(".workbench-scatter-ring")).to_be_visible()
    expect(tip).to_contain_text("north east")
    expect(tip.locator("img")).to_be_visible()
    expect(tip).to_contain_text("point 199")
    expect(tip).to_contain_text("<b>bold</b>")
    says(map_page, "requests: 1")
    map_page.mouse.move(*map_page.evaluate(ON_SCREEN, [0, 0]))
    expect(tip).to_be_hidden()
    map_page.mouse.move(*map_page.evaluate(ON_SCREEN, [5.45, 5.45]), steps=3)
    expect(tip.locator("img")).to_be_visible()
    says(map_page, "requests: 1")  # Cached by now


def tile(page: Page, act: Callable[[], object]) -> None:
    """Do something that leads to another tile, and wait for it."""
    before = page.locator(".workbench-scatter").get_attribute("data-tile")
    act()
    other = "before => document.querySelector('.workbench-scatter').dataset.tile !== before"
    page.wait_for_function(other, arg=before)


def num_drawn(page: Page) -> int:
    return int(page.evaluate(f"{PLOT}.data.at(-1).x.length"))


def pictures(page: Page) -> Locator:
    return page.locator(".workbench-scatter .imagelayer image")


def tiled(page: Page) -> None:
    """Let the map be drawn as tiles, and wait until it is: before that a drag selects nothing."""
    look(page, "tiles")
    page.locator(".workbench-scatter[data-drawn$='-tiles']").wait_for(timeout=MINUTE)
    expect(pictures(page)).to_have_count(1)


def zoom_into_north_east(page: Page) -> None:
    at = {"xaxis.range": [4, 6], "yaxis.range": [4, 6]}
    tile(page, lambda: page.evaluate(f"at => Plotly.relayout({PLOT}, at)", at))


def test_many_points_are_a_picture_and_those_of_a_part_are_single(map_page: Page) -> None:
    tiled(map_page)
    assert 0 < num_drawn(map_page) < 400
    zoom_into_north_east(map_page)
    expect(pictures(map_page)).to_have_count(0)
    assert num_drawn(map_page) == 100


def test_a_lasso_on_a_picture_selects_all_points_inside(map_page: Page) -> None:
    tiled(map_page)
    tile(map_page, lambda: lasso_north_west(map_page))
    says(map_page, "selected: 100")
    zoom_into_north_east(map_page)
    faded = f"String([...new Set([{PLOT}.data.at(-1).marker.opacity].flat())]) === '0.08'"
    map_page.wait_for_function(faded)
    tile(map_page, map_page.get_by_role("button", name="dismiss").click)
    says(map_page, "selected: nothing")
    map_page.wait_for_function(f"{PLOT}.data.at(-1).marker.opacity === 0.8")


def test_a_point_of_a_picture_is_hovered_and_clicked(map_page: Page) -> None:
    tiled(map_page)
    zoom_into_north_east(map_page)
    tip = map_page.locator(".workbench-scatter-tip")
    map_page.mouse.move(*map_page.evaluate(ON_SCREEN, [5.05, 5.05]))
    expect(tip).to_contain_text("north east")
    click_at(map_page, (5.05, 5.05))
    says(map_page, "point: 155")


def test_a_group_hidden_in_the_legend_is_not_in_the_picture(map_page: Page) -> None:
    tiled(map_page)
    entry = map_page.locator(".workbench-scatter .legendtoggle").nth(1)
    tile(map_page, lambda: entry.click(force=True))  # It alone
    expect(pictures(map_page)).to_have_count(0)
    assert num_drawn(map_page) == 100


def test_in_space_points_are_clicked_and_lined_to_their_neighbors(map_page: Page) -> None:
    look(map_page, "space")
    map_page.get_by_role("button", name="highlight").click()
    map_page.wait_for_function(f"{PLOT}.data.at(-1).x.length === 3")
    assert map_page.evaluate(f"{PLOT}.data.at(-3).marker.opacity") == 0.15
    box = map_page.locator(".workbench-scatter-plot").bounding_box()
    assert box is not None
    tip, clicked = map_page.locator(".workbench-scatter-tip"), map_page.get_by_text("events: click")
    x, y = next(  # Where a point is on the screen plotly does not tell
        place
        for step in range(300)
        if is_near_a_point(
            place := (
                box["x"] + box["width"] * (step % 30 + 0.5) / 40,
                box["y"] + box["height"] * (step // 30 + 0.5) / 10,
            ),
            map_page,
            tip,
        )
    )
    for step in range(81):  # A name appears from further away than a click counts
        map_page.mouse.move(x + 4 * (step % 9 - 4), y + 4 * (step // 9 - 4))
        map_page.wait_for_timeout(50)
        map_page.mouse.down()
        map_page.wait_for_timeout(50)
        map_page.mouse.up()
        if clicked.is_visible():
            break
    expect(clicked).to_be_visible(timeout=20_000)


@pytest.fixture
def frames(map_page: Page) -> Locator:
    """The bar under a map of three frames, the blocks at 0, half-way and at their places."""
    map_page.get_by_role("button", name="frames").click()
    bar = map_page.locator(".workbench-scatter-frames")
    expect(bar.get_by_text("epoch 3")).to_be_visible(timeout=20_000)
    return bar


def wait_for_right_edge(page: Page, x: float) -> None:
    page.wait_for_function(f"Math.abs(Math.max(...{PLOT}.data.at(-1).x) - {x}) < 0.01")


def test_the_slider_moves_the_points_to_where_they_were(map_page: Page, frames: Locator) -> None:
    wait_for_right_edge(map_page, 5.45)
    slider = frames.get_by_role("slider")
    slider.press("ArrowLeft")
    expect(frames.get_by_text("epoch 2")).to_be_visible()
    wait_for_right_edge(map_page, 2.725)
    slider.press("Home")
    expect(frames.get_by_text("epoch 1")).to_be_visible()
    wait_for_right_edge(map_page, 0)


def test_playing_begins_anew_and_ends_at_the_last_frame(map_page: Page, frames: Locator) -> None:
    frames.get_by_role("button", name="Play").click()
    expect(frames.get_by_text("epoch 1")).to_be_visible()
    expect(frames.get_by_role("button", name="Pause")).to_be_visible()
    expect(frames.get_by_text("epoch 3")).to_be_visible(timeout=20_000)
    expect(frames.get_by_role("button", name="Play")).to_be_visible()
    wait_for_right_edge(map_page, 5.45)


def test_what_was_drawn_around_on_another_frame_is_cleared(map_page: Page, frames: Locator) -> None:
    lasso_north_west(map_page)
    says(map_page, "selected: 100")
    frames.get_by_role("slider").press("ArrowLeft")
    says(map_page, "selected: nothing")
    wait_for_right_edge(map_page, 2.725)
    assert num_selected(map_page) == 0


def is_near_a_point(place: tuple[float, float], page: Page, tip: Locator) -> bool:
    page.mouse.move(*place)
    page.wait_for_timeout(50)  # In space plotly looks for a point at the next frame
    return tip.is_visible()


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


@pytest.mark.parametrize("held_ms", [0, 60])
def test_a_click_is_on_what_is_pressed_however_fast_the_pointer_came(
    map_page: Page, held_ms: int
) -> None:
    def approach() -> None:
        map_page.mouse.move(*map_page.evaluate(ON_SCREEN, [-4.55, 5.45]))
        expect(map_page.locator(".workbench-scatter-tip")).to_contain_text("north west")
        map_page.mouse.move(*map_page.evaluate(ON_SCREEN, [5.45, 5.45]))
        expect(map_page.locator(".workbench-scatter-tip")).to_contain_text("north east")

    click_at(map_page, (5.45, -4.55), held_ms, approach)
    says(map_page, "point: 399")


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
