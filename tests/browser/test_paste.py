"""Pasting a picture into the uploader with the focus elsewhere, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.workbench import PageProblems, Workbench, wait_idle

SCRIPT = Path(__file__).with_name("crop_app.py")
COPY_PICTURE = """async ([width, height]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").fillRect(0, 0, width, height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
}"""
COUNT_LISTENERS = """
window.pasteListeners = 0;
for (const [name, change] of [["addEventListener", 1], ["removeEventListener", -1]]) {
  const original = document[name].bind(document);
  document[name] = (kind, ...rest) => {
    if (kind === "paste") window.pasteListeners += change;
    return original(kind, ...rest);
  };
}
"""
HINT = "Ctrl+V to paste an image"
NOTHING = "No image in the clipboard. Copy the image itself, not its address."
PASTE_FILES = """(files) => {
  const clipboardData = new DataTransfer();
  for (const name of files) clipboardData.items.add(new File(["GIF89a"], name));
  const pasted = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  document.body.dispatchEvent(pasted);
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = Workbench(tmp_path_factory.mktemp("paste"), script=SCRIPT)
    yield app.url
    app.close()


@pytest.fixture
def paste_page(sound_page: Page, page_problems: PageProblems, address: str) -> Iterator[Page]:
    """The page with its uploader, and the focus nowhere."""
    sound_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sound_page.goto(address)
    wait_idle(sound_page)
    sound_page.get_by_role("radio", name="paste").click()
    says(sound_page, HINT)
    expect(sound_page.get_by_test_id("stFileUploaderDropzone")).to_be_visible()
    leave_focus(sound_page)
    yield sound_page
    assert page_problems.console == []


def leave_focus(page: Page) -> None:
    page.evaluate("document.activeElement.blur()")
    assert page.evaluate("document.activeElement === document.body")


def copy(page: Page, width: int, height: int = 10) -> None:
    page.evaluate(COPY_PICTURE, [width, height])


def paste(page: Page) -> None:
    page.keyboard.press("Control+v")


def says(page: Page, text: str) -> None:
    expect(page.get_by_text(text, exact=True)).to_be_visible(timeout=20_000)


def run_again(page: Page) -> None:
    page.get_by_role("button", name="run again").click()
    wait_idle(page)


def test_a_picture_is_pasted_with_the_focus_nowhere(paste_page: Page) -> None:
    copy(paste_page, 30)
    paste(paste_page)
    says(paste_page, "1 files")
    name: Any = paste_page.get_by_text(": 30 x 10").inner_text()
    assert name.startswith("pasted ")
    copy(paste_page, 31)
    paste_page.get_by_role("button", name="run again").focus()
    paste(paste_page)
    says(paste_page, "2 files")
    expect(paste_page.get_by_text(": 31 x 10")).not_to_have_text(name.replace("30", "31"))
    says(paste_page, HINT)


def test_a_paste_into_the_uploader_itself_counts_once(paste_page: Page) -> None:
    copy(paste_page, 30)
    paste_page.get_by_role("button", name="Upload", exact=True).focus()
    paste(paste_page)
    says(paste_page, "image.png: 30 x 10")
    run_again(paste_page)
    says(paste_page, "1 files")


def test_text_fields_keep_what_is_pasted_into_them(paste_page: Page) -> None:
    copy(paste_page, 30)
    for name in ("Name", "Notes"):
        paste_page.get_by_label(name).focus()
        paste(paste_page)
    run_again(paste_page)
    says(paste_page, "0 files")
    says(paste_page, HINT)
    paste_page.evaluate("navigator.clipboard.writeText('hello')")
    paste_page.get_by_label("Name").focus()
    paste(paste_page)
    expect(paste_page.get_by_label("Name")).to_have_value("hello")


def test_a_clipboard_without_a_picture_is_explained(paste_page: Page) -> None:
    paste_page.evaluate("navigator.clipboard.writeText('https://example.org/cat.jpg')")
    paste(paste_page)
    says(paste_page, NOTHING)
    says(paste_page, "0 files")
    says(paste_page, HINT)  # again, some seconds later


def test_a_url_is_pasted_where_urls_are_allowed(paste_page: Page) -> None:
    paste_page.get_by_text("urls", exact=True).click()
    says(paste_page, "Ctrl+V to paste an image or its URL")
    leave_focus(paste_page)
    paste_page.evaluate("navigator.clipboard.writeText(' https://example.org/a.jpg?b=c ')")
    paste(paste_page)
    says(paste_page, "url: https://example.org/a.jpg?b=c")
    says(paste_page, "0 files")
    for text in ("no address", "file:///etc/passwd", "https://a.org/x and more"):
        paste_page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
        paste(paste_page)
        says(paste_page, "No image and no URL in the clipboard.")
    copy(paste_page, 30)
    paste(paste_page)
    says(paste_page, "1 files")
    says(paste_page, "url: https://example.org/a.jpg?b=c")


def test_without_several_the_newest_picture_takes_the_place(paste_page: Page) -> None:
    paste_page.get_by_text("several", exact=True).click()
    for width in (30, 31):
        leave_focus(paste_page)
        copy(paste_page, width)
        paste(paste_page)
        expect(paste_page.get_by_text(f": {width} x 10")).to_be_visible()
    says(paste_page, "1 files")


def test_copied_files_keep_their_names(paste_page: Page) -> None:
    paste_page.evaluate(PASTE_FILES, ["one.gif", "two.gif"])
    chips = paste_page.get_by_test_id("stFileChipName")
    expect(chips).to_have_text(["one.gif", "two.gif"])


def test_a_dialog_keeps_what_is_pasted(paste_page: Page) -> None:
    paste_page.get_by_role("button", name="ask").click()
    says(paste_page, "in the dialog")
    copy(paste_page, 30)
    paste(paste_page)
    paste_page.keyboard.press("Escape")
    expect(paste_page.get_by_text("in the dialog")).to_have_count(0)
    run_again(paste_page)
    says(paste_page, "0 files")


def test_nothing_listens_after_the_page_was_left(sound_page: Page, address: str) -> None:
    sound_page.add_init_script(COUNT_LISTENERS)
    sound_page.goto(address)
    wait_idle(sound_page)
    before = sound_page.evaluate("window.pasteListeners")
    for _ in range(2):
        sound_page.get_by_role("radio", name="paste").click()
        says(sound_page, HINT)
        run_again(sound_page)
        assert sound_page.evaluate("window.pasteListeners") == before + 1
        sound_page.get_by_role("radio", name="neither").click()
        says(sound_page, "nothing here")
        sound_page.wait_for_function(f"window.pasteListeners === {before}")
