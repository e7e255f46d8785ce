"""Cropping a picture by hand, in a real browser: 800 x 400 pixels, shown at half its size."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, FloatRect, Locator, Page, WebSocketRoute, expect

from core.images.cropping import Crop, crop_image
from tests.browser.workbench import PageProblems, Workbench, wait_idle
from tests.factories.images import quadrants

SCRIPT = Path(__file__).with_name("crop_app.py")
INNER = [(x, y) for x in (0.15, 0.35, 0.65, 0.85) for y in (0.15, 0.35, 0.65, 0.85)]
"""Places in a crop that lie on none of its lines and handles."""

TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""A browser hands the moves of a finger on with its next frame, however long that takes."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = Workbench(tmp_path_factory.mktemp("crop"), script=SCRIPT)
    yield app.url
    app.close()


@pytest.fixture
def crop_page(sound_page: Page, page_problems: PageProblems, address: str) -> Iterator[Page]:
    yield open_crop(sound_page, address)
    assert page_problems.console == []


def open_crop(page: Page, address: str) -> Page:
    page.goto(address)
    wait_idle(page)
    show(page, "crop")
    expect(page.locator(".stage")).to_be_visible()
    says(page, "runs: 1")
    return page


def show(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name).click()


def says(page: Page, text: str) -> None:
    expect(page.get_by_text(text, exact=True)).to_be_visible(timeout=20_000)


def box_of(node: Locator) -> FloatRect:
    box = node.bounding_box()
    assert box is not None
    return box


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a fraction of the picture lies on the screen."""
    area = box_of(page.locator(".stage"))
    return area["x"] + x * area["width"], area["y"] + y * area["height"]


def press_and_move(page: Page, *places: tuple[float, float]) -> None:
    """Press the mouse at the first fraction of the picture and move it to the others."""
    page.mouse.move(*place(page, *places[0]))
    page.mouse.down()
    for at in places[1:]:
        page.mouse.move(*place(page, *at), steps=5)


def drag(page: Page, *places: tuple[float, float]) -> None:
    press_and_move(page, *places)
    page.mouse.up()


def run_again(page: Page) -> None:
    page.get_by_role("button", name="run again").click()


def run_unseen(page: Page) -> None:
    """Run the page again while mouse, keys and focus stay where they are."""
    page.get_by_role("button", name="run again").evaluate("(button) => button.click()")


def turn(page: Page, way: str) -> None:
    page.get_by_role("button", name=f"Rotate {way}").click()


def crop_box(page: Page) -> Locator:
    return page.locator(".crop")


def is_drawn_at(page: Page, left: float, top: float, right: float, bottom: float) -> None:
    """Expect the rectangle on the screen to lie there, to a pixel."""
    box, begin, end = box_of(crop_box(page)), place(page, left, top), place(page, right, bottom)
    assert (box["x"], box["y"]) == pytest.approx(begin, abs=1)
    assert (box["x"] + box["width"], box["y"] + box["height"]) == pytest.approx(end, abs=1)


def test_a_drag_draws_a_crop_and_is_one_event(crop_page: Page) -> None:
    press_and_move(crop_page, (0.25, 0.25), (0.5, 0.5), (0.9, 0.9), (0.75, 0.75))
    is_drawn_at(crop_page, 0.25, 0.25, 0.75, 0.75)
    says(crop_page, "400 × 200 of 800 × 400 pixels")
    says(crop_page, "runs: 1")
    crop_page.mouse.up()
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    says(crop_page, "cut: 400 x 200")
    says(crop_page, "runs: 2")
    run_again(crop_page)
    says(crop_page, "runs: 3")
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    is_drawn_at(crop_page, 0.25, 0.25, 0.75, 0.75)


def test_a_crop_can_be_drawn_towards_any_corner(crop_page: Page) -> None:
    drag(crop_page, (0.75, 0.5), (0.25, 0.1))
    says(crop_page, "crop: 0.250 0.100 0.750 0.500")


def test_a_drag_beyond_the_picture_ends_at_its_edge(crop_page: Page) -> None:
    drag(crop_page, (0.5, 0.5), (1.4, 1.3))
    says(crop_page, "crop: 0.500 0.500 1.000 1.000")


def test_a_crop_is_moved_and_stays_inside(crop_page: Page) -> None:
    drag(crop_page, (0.25, 0.25), (0.75, 0.75))
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    drag(crop_page, (0.35, 0.4), (0.45, 0.3))
    says(crop_page, "crop: 0.350 0.150 0.850 0.650")
    drag(crop_page, (0.45, 0.3), (0.9, -0.5))
    says(crop_page, "crop: 0.500 0.000 1.000 0.500")


def test_outside_the_crop_another_is_drawn(crop_page: Page) -> None:
    drag(crop_page, (0.1, 0.1), (0.3, 0.5))
    says(crop_page, "crop: 0.100 0.100 0.300 0.500")
    drag(crop_page, (0.5, 0.5), (0.9, 0.9))
    says(crop_page, "crop: 0.500 0.500 0.900 0.900")


def test_each_handle_moves_its_own_edges(crop_page: Page) -> None:
    drag(crop_page, (0.25, 0.25), (0.75, 0.75))
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    drag(crop_page, (0.75, 0.75), (0.9, 0.5))
    says(crop_page, "crop: 0.250 0.250 0.900 0.500")
    drag(crop_page, (0.25, 0.25), (0.1, 0.1))
    says(crop_page, "crop: 0.100 0.100 0.900 0.500")
    drag(crop_page, (0.9, 0.1), (0.6, 0.2))
    says(crop_page, "crop: 0.100 0.200 0.600 0.500")
    drag(crop_page, (0.1, 0.5), (0.2, 0.8))
    says(crop_page, "crop: 0.200 0.200 0.600 0.800")
    drag(crop_page, (0.2, 0.5), (0.1, 0.9))
    says(crop_page, "crop: 0.100 0.200 0.600 0.800")
    drag(crop_page, (0.6, 0.5), (0.9, 0.9))
    says(crop_page, "crop: 0.100 0.200 0.900 0.800")
    drag(crop_page, (0.5, 0.2), (0.9, 0.1))
    says(crop_page, "crop: 0.100 0.100 0.900 0.800")
    drag(crop_page, (0.5, 0.8), (0.9, 0.9))
    says(crop_page, "crop: 0.100 0.100 0.900 0.900")
    says(crop_page, "runs: 10")


def test_a_crop_cannot_be_made_too_small_to_search_by(crop_page: Page) -> None:
    drag(crop_page, (0.25, 0.25), (0.75, 0.75))
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    drag(crop_page, (0.75, 0.75), (0.1, 0.1))  # no further than 14 pixels on the screen
    says(crop_page, "crop: 0.250 0.250 0.285 0.320")
    show(crop_page, "tiny")
    says(crop_page, "12 × 12 pixels")
    drag(crop_page, (1, 1), (0.1, 0.1))
    says(crop_page, "8 × 8 of 12 × 12 pixels")
    says(crop_page, "crop: 0.000 0.000 0.667 0.667")


def test_a_click_draws_nothing(crop_page: Page) -> None:
    x, y = place(crop_page, 0.5, 0.3)
    crop_page.mouse.move(x, y)
    crop_page.mouse.down()
    crop_page.mouse.move(x + 2, y + 2)  # no hand is still
    crop_page.mouse.up()
    run_again(crop_page)
    says(crop_page, "runs: 2")
    says(crop_page, "crop: 0.000 0.000 1.000 1.000")


def test_only_the_main_button_draws(crop_page: Page) -> None:
    crop_page.mouse.move(*place(crop_page, 0.2, 0.2))
    crop_page.mouse.down(button="right")
    crop_page.mouse.move(*place(crop_page, 0.6, 0.6), steps=3)
    crop_page.mouse.up(button="right")
    is_drawn_at(crop_page, 0, 0, 1, 1)


def test_escape_gives_a_drag_up(crop_page: Page) -> None:
    press_and_move(crop_page, (0.25, 0.25), (0.75, 0.75))
    crop_page.keyboard.press("Escape")
    is_drawn_at(crop_page, 0, 0, 1, 1)
    crop_page.mouse.move(*place(crop_page, 0.8, 0.8))
    crop_page.mouse.up()
    run_again(crop_page)
    says(crop_page, "runs: 2")
    says(crop_page, "crop: 0.000 0.000 1.000 1.000")


def test_the_crop_goes_round_with_its_picture(crop_page: Page) -> None:
    drag(crop_page, (0.1, 0.2), (0.4, 0.9))
    says(crop_page, "crop: 0.100 0.200 0.400 0.900")
    turn(crop_page, "right")
    says(crop_page, "turned: 1 0")
    says(crop_page, "crop: 0.100 0.100 0.800 0.400")
    says(crop_page, "280 × 240 of 800 × 400 pixels")
    turn(crop_page, "left")
    says(crop_page, "crop: 0.100 0.200 0.400 0.900")
    turn(crop_page, "left")
    says(crop_page, "turned: 3 0")
    says(crop_page, "crop: 0.200 0.600 0.900 0.900")


def test_reset_brings_the_whole_picture_back(crop_page: Page) -> None:
    reset = crop_page.get_by_role("button", name="Reset")
    expect(reset).to_be_disabled()
    drag(crop_page, (0.25, 0.25), (0.75, 0.75))
    turn(crop_page, "right")
    says(crop_page, "turned: 1 0")
    reset.click()
    says(crop_page, "crop: 0.000 0.000 1.000 1.000")
    says(crop_page, "turned: 0 0")
    says(crop_page, "800 × 400 pixels")
    expect(reset).to_be_disabled()


def test_the_slider_straightens_and_is_one_event(crop_page: Page) -> None:
    slider = crop_page.get_by_role("slider", name="Straighten")
    area = box_of(slider)
    middle = area["y"] + area["height"] / 2
    crop_page.mouse.move(area["x"] + area["width"] / 2, middle)
    crop_page.mouse.down()
    crop_page.mouse.move(area["x"] + area["width"], middle, steps=6)
    expect(crop_page.locator("output")).to_have_text("45°")
    says(crop_page, "runs: 1")
    crop_page.mouse.up()
    says(crop_page, "turned: 0 45")
    says(crop_page, "runs: 2")
    for _ in range(5):
        crop_page.keyboard.down("ArrowLeft")  # a key that is held down repeats
    expect(crop_page.locator("output")).to_have_text("40°")
    run_unseen(crop_page)
    says(crop_page, "runs: 3")
    says(crop_page, "turned: 0 45")
    crop_page.keyboard.up("ArrowLeft")
    says(crop_page, "turned: 0 40")
    says(crop_page, "runs: 4")


def test_arrows_move_and_with_shift_resize(crop_page: Page) -> None:
    drag(crop_page, (0.25, 0.25), (0.75, 0.75))
    says(crop_page, "runs: 2")
    expect(crop_box(crop_page)).to_be_focused()
    expect(crop_box(crop_page)).to_have_css("outline-style", "none")
    for _ in range(3):
        crop_page.keyboard.down("ArrowRight")
    expect(crop_box(crop_page)).to_have_css("outline-style", "solid")
    crop_page.keyboard.up("ArrowRight")
    says(crop_page, "crop: 0.280 0.250 0.780 0.750")
    says(crop_page, "runs: 3")
    crop_page.keyboard.press("ArrowUp")
    says(crop_page, "crop: 0.280 0.240 0.780 0.740")
    crop_page.keyboard.press("Shift+ArrowLeft")
    says(crop_page, "crop: 0.280 0.240 0.770 0.740")
    crop_page.keyboard.press("Shift+ArrowDown")
    says(crop_page, "crop: 0.280 0.240 0.770 0.750")


def test_it_can_be_reached_and_read_without_a_mouse(crop_page: Page) -> None:
    crop_page.get_by_role("button", name="Rotate left").focus()
    crop_page.keyboard.press("Shift+Tab")
    expect(crop_box(crop_page)).to_be_focused()
    expect(crop_box(crop_page)).to_have_accessible_name(
        "Crop, 800 × 400 pixels, 0 % from the left, 0 % from the top"
    )
    expect(crop_box(crop_page)).to_have_accessible_description(
        "Arrows move the crop, Shift and arrows resize it, Escape cancels a drag."
    )


def test_a_run_of_the_page_does_not_disturb_a_drag(crop_page: Page) -> None:
    press_and_move(crop_page, (0.25, 0.25), (0.5, 0.5))
    run_unseen(crop_page)
    says(crop_page, "runs: 2")
    wait_idle(crop_page)
    is_drawn_at(crop_page, 0.25, 0.25, 0.5, 0.5)
    crop_page.mouse.move(*place(crop_page, 0.75, 0.75), steps=3)
    crop_page.mouse.up()
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")


def test_a_late_answer_does_not_disturb_the_next_drag(crop_page: Page) -> None:
    drag(crop_page, (0.1, 0.1), (0.2, 0.2))
    press_and_move(crop_page, (0.5, 0.5), (0.9, 0.9))
    says(crop_page, "crop: 0.100 0.100 0.200 0.200")
    wait_idle(crop_page)
    is_drawn_at(crop_page, 0.5, 0.5, 0.9, 0.9)
    crop_page.mouse.up()
    says(crop_page, "crop: 0.500 0.500 0.900 0.900")


def test_each_picture_has_a_crop_of_its_own(crop_page: Page) -> None:
    drag(crop_page, (0.25, 0.25), (0.75, 0.75))
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    show(crop_page, "tall")
    says(crop_page, "200 × 600 pixels")
    says(crop_page, "crop: 0.000 0.000 1.000 1.000")
    drag(crop_page, (0.4, 0.3), (1.2, 1.2))
    says(crop_page, "crop: 0.400 0.300 1.000 1.000")
    show(crop_page, "wide")
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    is_drawn_at(crop_page, 0.25, 0.25, 0.75, 0.75)


def test_a_crop_is_there_again_after_another_page(crop_page: Page) -> None:
    drag(crop_page, (0.25, 0.25), (0.75, 0.75))
    turn(crop_page, "right")
    says(crop_page, "turned: 1 0")
    show(crop_page, "neither")
    says(crop_page, "nothing here")
    show(crop_page, "crop")
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    says(crop_page, "turned: 1 0")
    is_drawn_at(crop_page, 0.25, 0.25, 0.75, 0.75)


def test_the_dashed_square_is_what_the_network_sees(crop_page: Page) -> None:
    square = box_of(crop_page.locator(".seen"))
    assert (square["width"], square["height"]) == pytest.approx((200, 200), abs=4)  # in its frame
    middle = square["x"] + square["width"] / 2
    assert middle == pytest.approx(place(crop_page, 0.5, 0)[0], abs=1)
    drag(crop_page, (0.1, 0.1), (0.3, 0.9))  # 80 by 160 on the screen
    square = box_of(crop_page.locator(".seen"))
    assert (square["width"], square["height"]) == pytest.approx((80, 80), abs=4)
    expect(crop_page.get_by_text("dashed: model input")).to_be_visible()


def set_angle(page: Page, degrees: int) -> None:
    slider = page.get_by_role("slider", name="Straighten")
    slider.focus()
    for _ in range(abs(degrees)):
        page.keyboard.press("ArrowRight" if degrees > 0 else "ArrowLeft")
    expect(page.locator("output")).to_have_text(f"{degrees}°")


@pytest.mark.parametrize(("way", "angle"), [("right", 0), ("left", -30)])
def test_what_is_seen_in_the_crop_is_what_is_cut_out(crop_page: Page, way: str, angle: int) -> None:
    turn(crop_page, way)
    set_angle(crop_page, angle)
    turns = {"right": 1, "left": 3}[way]
    looks_like(crop_page, Crop(turns=turns, angle=angle))
    drag(crop_page, (0.2, 0.1), (0.7, 0.8))
    says(crop_page, "crop: 0.200 0.100 0.700 0.800")
    says(crop_page, f"turned: {turns} {angle}")
    looks_like(crop_page, Crop(left=0.2, top=0.1, right=0.7, bottom=0.8, turns=turns, angle=angle))


def looks_like(page: Page, crop: Crop) -> None:
    """Expect the screen to show in its rectangle what this crop cuts out."""
    cut = crop_image(quadrants(800, 400), crop)
    seen = Image.open(BytesIO(crop_box(page).screenshot())).convert("RGB")
    at = [[color_at(picture, *inner) for inner in INNER] for picture in (cut, seen)]
    assert at[0] == at[1]
    assert len(set(at[0])) >= 3


def color_at(picture: Image.Image, x: float, y: float) -> tuple[bool, ...]:
    pixel: Any = picture.getpixel((round(x * picture.width), round(y * picture.height)))
    return tuple(level > 64 for level in pixel)


def test_a_finger_draws_too(browser: Browser, address: str) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 1440, "height": 900})
    page = open_crop(context.new_page(), address)
    touch = context.new_cdp_session(page)

    def send(kind: str, *places: tuple[float, float]) -> None:
        points = [dict(zip("xy", place(page, *at), strict=True)) for at in places]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", (0.25, 0.25))
    for step in range(1, 6):
        send("touchMove", (0.25 + 0.1 * step, 0.25 + 0.1 * step))
    page.evaluate(TWO_FRAMES)
    is_drawn_at(page, 0.25, 0.25, 0.75, 0.75)
    says(page, "runs: 1")
    send("touchEnd")
    says(page, "crop: 0.250 0.250 0.750 0.750")
    says(page, "runs: 2")
    context.close()


@pytest.fixture
def forge(sound_page: Page) -> Callable[[bytes, bytes], None]:
    """Replaces a part of what the page sends by one of the same length."""
    changes: list[tuple[bytes, bytes]] = []

    def connect(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            assert isinstance(message, bytes)
            for true, false in changes:
                message = message.replace(true, false)
            server.send(message)

        socket.on_message(pass_on)

    sound_page.route_web_socket("**/_stcore/stream", connect)
    return lambda true, false: changes.append((true, false))


def test_nonsense_from_a_browser_leaves_the_crop_as_it_is(
    forge: Callable[[bytes, bytes], None], crop_page: Page
) -> None:
    drag(crop_page, (0.25, 0.25), (0.75, 0.75))
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    forge(b'"turns":1', b'"turns":9')
    turn(crop_page, "right")
    says(crop_page, "runs: 3")
    says(crop_page, "turned: 0 0")
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")


def test_a_crop_that_the_page_sets_takes_the_place_of_the_one_drawn(crop_page: Page) -> None:
    drag(crop_page, (0.25, 0.25), (0.75, 0.75))
    says(crop_page, "crop: 0.250 0.250 0.750 0.750")
    crop_page.get_by_role("button", name="half of it").click()
    says(crop_page, "crop: 0.000 0.000 0.500 1.000")
    is_drawn_at(crop_page, 0, 0, 0.5, 1)
    run_again(crop_page)
    says(crop_page, "crop: 0.000 0.000 0.500 1.000")
    drag(crop_page, (0.6, 0.5), (0.9, 0.9))
    says(crop_page, "crop: 0.600 0.500 0.900 0.900")
