"""A page that runs, in a real browser: it says so, and nothing in it moves."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.workbench import Workbench, wait_idle

SCRIPT = Path(__file__).with_name("waiting_app.py")
LOOKS, LOOK_EVERY_MS = 6, 100
"""Long enough for two changes of Streamlit's own figure and half of its fading."""

MOVING = """([looks, pause]) => new Promise(done => {
  const moved = [], figure = '[data-testid="stStatusWidget"] :is(svg, img)';
  const look = () => {
    moved.push(...document.getAnimations().map(one => one.transitionProperty || one.animationName));
    if ([...document.querySelectorAll(figure)].some(one => one.checkVisibility()))
      moved.push('the figure');
    looks -= 1;
    looks ? setTimeout(look, pause) : done([...new Set(moved)]);
  };
  look();
})"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = Workbench(tmp_path_factory.mktemp("waiting"), script=SCRIPT)
    yield app.url
    app.close()


def num_styled(page: Page, during_ms: int) -> int:
    """Return how often the browser styles the page in that time, if only an element of it."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")  # It counts from here on

    def count() -> float:
        figures = session.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in figures if one["name"] == "RecalcStyleCount")

    before = count()
    page.wait_for_timeout(during_ms)
    return int(count() - before)


def test_a_page_that_takes_long_says_so_and_stands_still(sound_page: Page, address: str) -> None:
    page = sound_page
    page.goto(address)
    wait_idle(page)
    first, answer = (
        page.locator("[data-stale]", has=page.get_by_text(said, exact=True))
        for said in ("How sure it is", "An answer")
    )
    stood = answer.bounding_box()
    status = page.get_by_test_id("stStatusWidget")
    expect(status).to_have_count(0)  # Not the one of the page's first run, without our style
    page.get_by_role("button", name="Take long").click()
    expect(page.get_by_text("This takes long…")).to_be_visible()
    expect(answer).to_have_css("opacity", "0.33")
    expect(answer).to_have_css("transition-duration", "0s")  # It did not fade
    expect(first).to_have_css("opacity", "0")  # The sentence is in its place
    sentence, line = page.get_by_text("This takes long…").bounding_box(), first.bounding_box()
    assert sentence is not None
    assert line is not None
    assert sentence["height"] <= line["height"]  # On one line
    assert sentence["y"] == pytest.approx(line["y"], abs=4)
    assert answer.bounding_box() == stood
    expect(status).to_be_visible()
    assert page.evaluate(MOVING, [LOOKS, LOOK_EVERY_MS]) == []
    expect(status).to_have_class(re.compile("-done"))  # It has come
    assert num_styled(page, LOOKS * LOOK_EVERY_MS) == 0  # Or frames would be drawn
    said = status.locator("span").first
    assert said.evaluate("one => getComputedStyle(one, '::before').content") == '"Running"'
    expect(status.get_by_role("img", name="Running...")).to_have_count(1)  # To screen readers
    expect(status.get_by_role("button", name="Stop")).to_be_visible()
    wait_idle(page)
    for part in (first, answer):
        expect(part).to_have_css("opacity", "1")
    assert answer.bounding_box() == stood
    expect(page.get_by_text("This takes long…")).to_have_count(0)


def test_where_no_line_was_the_sentence_stands_on_nothing(sound_page: Page, address: str) -> None:
    page = sound_page
    page.goto(f"{address}?short=1")
    wait_idle(page)
    page.get_by_role("button", name="Take long").click()
    sentence = page.get_by_text("This takes long…")
    expect(sentence).to_be_visible()
    said, below = sentence.bounding_box(), page.get_by_text("An answer").bounding_box()
    assert said is not None
    assert below is not None
    assert said["y"] + said["height"] <= below["y"]


def test_a_file_that_goes_up_stands_still(sound_page: Page, address: str) -> None:
    page = sound_page
    page.goto(address)
    wait_idle(page)
    held: list[Route] = []
    page.route("**/upload_file/**", lambda route: held.append(route))
    page.locator("input[type=file]").set_input_files(SCRIPT)
    expect(page.get_by_test_id("stFileChipIconSpinner").first).to_be_visible()
    assert page.evaluate(MOVING, [LOOKS, LOOK_EVERY_MS]) == []
    for one in held:
        one.continue_()
    expect(page.get_by_test_id("stFileChipIconSpinner")).to_have_count(0)
    wait_idle(page)
