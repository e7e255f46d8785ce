"""Many queries at once, and matches taken out: what is uploaded, and what comes down."""

import csv
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.query.batch.listing import list_batches
from core.workspace import Workspace
from tests.browser.journey import MINUTE, wait_until_done
from tests.browser.workbench import PageProblems, Workbench, open_page

APP = Path(__file__).parent / "batch_app.py"


@pytest.fixture
def opened(full: Workspace, sound_page: Page) -> Iterator[Page]:
    workbench = Workbench(full.home, script=APP)
    yield open_page(sound_page, workbench)
    workbench.close()


def download(page: Page, name: str, folder: Path) -> Path:
    """Click a button that downloads; return the file, under the name that it was given."""
    with page.expect_download(timeout=MINUTE) as started:
        page.get_by_test_id("stDownloadButton").get_by_role("button", name=name).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


@pytest.mark.slow
def test_a_zip_goes_up_and_a_table_comes_down(
    opened: Page, full: Workspace, tmp_path: Path, page_problems: PageProblems
) -> None:
    page = opened
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        archive.write(full.home / "images" / "red" / "000.png", "*a*.png")
        archive.writestr("b.png", b"no picture")
    page.locator("input[type=file]").set_input_files(tmp_path / "pets.zip")
    page.get_by_role("button", name="Start batch").click()
    wait_until_done(page, "Batch query with pets.zip", minutes=2)
    expect(page.get_by_text("1 of 2 searched, 1 unreadable")).to_be_visible()
    [batch] = list_batches(full, "colors")
    path = download(page, "Download", tmp_path)
    assert path.name == batch.file_name
    assert path.read_bytes() == batch.path.read_bytes()
    with path.open(newline="", encoding="utf-8") as file:
        answered, unreadable = csv.DictReader(file)
    assert json.loads(answered["match_paths"])[0] == "red/000.png"
    assert (answered["query"], unreadable["problem"]) == ("*a*.png", "b.png is not an image.")
    assert not any((full.downloads / "uploads").iterdir())
    page.get_by_text("First rows").click()
    expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text(batch.id)).to_have_count(0)
    assert page_problems.console == []


@pytest.mark.slow
def test_matches_come_down_as_a_table_as_json_and_as_images(
    opened: Page, full: Workspace, tmp_path: Path
) -> None:
    page = opened
    page.get_by_role("button", name="Export").click()
    table = download(page, "CSV table", tmp_path)
    answer = download(page, "JSON", tmp_path)
    images = download(page, "Zip of the images", tmp_path)
    names = [path.name for path in (table, answer, images)]
    assert names == [f"matches-of-query.{ending}" for ending in ("csv", "json", "zip")]
    assert table.read_text().count("\n") == 1 + 3
    content = json.loads(answer.read_text())
    assert content["query"]["name"] == "some/query.png"
    with zipfile.ZipFile(images) as archive:
        first = content["matches"][0]["path"]
        packed = archive.read(f"001-{first.replace('/', '-')}")
        assert packed == (full.home / "images" / first).read_bytes()
        assert archive.namelist()[3:] == ["matches.csv", "result.json"]
