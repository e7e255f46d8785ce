"""A page that runs, in a real browser: it says so, and nothing in it moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.workbench import Workbench, wait_idle

SCRIPT = Path(__file__).with_name("waiting_app.py")
LOOKS, LOOK_EVERY_MS = 6, 100
"""Long enough for two changes of Streamlit's own figure and half of its fading."""

MOVING = """([looks, pause]) => new Promise(done => {
  const moved = [], status = document.querySelector('[data-testid="stStatusWidget"]');
  const shown = () => [...status.querySelectorAll('svg, img')].some(one => one.checkVisibility());
  const look = () => {
    moved.push(...document.getAnimations().map(one => one.transitionProperty || one.animationName));
    if (shown()) moved.push('the figure');
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


def test_a_page_that_takes_long_says_so_and_stands_still(sound_page: Page, address: str) -> None:
    page = sound_page
    page.goto(address)
    wait_idle(page)
    first, answer = (
        page.locator("[data-stale]", has=page.get_by_text(said, exact=True))
        for said in ("How sure it is", "An answer")
    )
    stood = answer.bounding_box()
    page.get_by_role("button", name="Take long").click()
    expect(page.get_by_text("This takes long…")).to_be_visible()
    expect(answer).to_have_css("opacity", "0.33")
    expect(first).to_have_css("opacity", "0")  # The sentence is in its place
    sentence, line = page.get_by_text("This takes long…").bounding_box(), first.bounding_box()
    assert sentence is not None
    assert line is not None
    assert sentence["height"] <= line["height"]  # On one line
    assert sentence["y"] == pytest.approx(line["y"], abs=4)
    assert answer.bounding_box() == stood
    status = page.get_by_role("img", name="Running...")
    expect(status).to_be_visible()
    assert status.evaluate("one => getComputedStyle(one, '::before').content") == '"Running"'
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    assert page.evaluate(MOVING, [LOOKS, LOOK_EVERY_MS]) == []
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
