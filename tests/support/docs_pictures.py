"""Pictures of the documentation, from the running app: `make docs-pictures`.

    CALTECH101_ROOT=FOLDER python -m tests.support.docs_pictures

Some classes of Caltech-101 are imported and made searchable as a user does it; the way from the
empty workspace to the first answer becomes docs/pictures/first_answer.webp, an animation. Then a
screenshot of each page is taken.
"""

import io
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

from core.lineage.graph import read_lineage
from core.progress import finish
from core.quality.analysis import analyze
from core.quality.config import AnalysisConfig
from core.workspace import Workspace
from tests.browser.chromium import SOFTWARE_WEBGL, find_chromium
from tests.browser.workbench import Workbench, open_page, wait_idle

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SIZE: ViewportSize = {"width": 1440, "height": 900}
PAGES = {
    "home": "",
    "datasets": "datasets",
    "training": "training",
    "indexes": "indexes",
    "explore": "explore",
    "evaluate": "evaluate",
    "data_quality": "data_quality",
}
NUM_CLASSES, PER_CLASS = 24, 60
QUERY_CLASS = "sunflower"
QUALITY = 80
ANIMATED_SIZE = (1080, 675)
MINUTE = 60_000


def photographs(source: Path, folder: Path) -> Path:
    """Copy images of some classes; return an image of `QUERY_CLASS` that is left out."""
    classes = sorted(path for path in source.iterdir() if path.is_dir())
    classes = [path for path in classes if "BACKGROUND" not in path.name]
    chosen = classes[:: len(classes) // NUM_CLASSES][:NUM_CLASSES]
    chosen += [path for path in classes if path.name == QUERY_CLASS and path not in chosen]
    for each in chosen:
        target = folder / each.name
        target.mkdir(parents=True)
        for image in sorted(each.iterdir())[:PER_CLASS]:
            shutil.copy(image, target)
    return sorted((source / QUERY_CLASS).iterdir())[-1]


class Frames:
    """Frames of an animation, each with its duration."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.images: list[Image.Image] = []
        self.durations: list[int] = []

    def take(self, milliseconds: int) -> None:
        """Add what the page shows."""
        shot = Image.open(io.BytesIO(self.page.screenshot()))
        self.images.append(shot.convert("RGB").resize(ANIMATED_SIZE, Image.Resampling.LANCZOS))
        self.durations.append(milliseconds)

    def save(self, path: Path) -> None:
        """Write an animated WebP."""
        first, *others = self.images
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=self.durations,
            loop=0,
            quality=QUALITY,
            method=6,
        )


def first_answer(page: Page, workbench: Workbench, folder: Path, query: Path) -> Frames:
    """Go from the empty workspace to the first answer; return the frames."""
    open_page(page, workbench)
    settle(page)
    frames = Frames(page)
    frames.take(2000)
    page.get_by_role("textbox", name="Folder or address").press_sequentially(str(folder))
    expect(page.get_by_text(re.compile(r"\d+ images · \d+ classes"))).to_be_visible(timeout=MINUTE)
    settle(page)
    frames.take(2000)
    page.get_by_role("button", name="Import and make searchable").click()
    field = page.locator(".st-key-home-search input[type=file]")
    ended = time.monotonic() + 900
    while not field.count() and time.monotonic() < ended:
        page.wait_for_timeout(2500)
        frames.take(600)
    settle(page)
    frames.take(2000)
    field.set_input_files(query)
    expect(page.get_by_role("heading", name="Query", level=1)).to_be_visible(timeout=MINUTE)
    expect(page.get_by_role("listbox", name="Matches").get_by_role("option").first).to_be_visible(
        timeout=MINUTE
    )
    settle(page)
    frames.take(5000)
    return frames


def settle(page: Page) -> None:
    """Wait until the page is drawn."""
    wait_idle(page)
    page.wait_for_timeout(2000)
    wait_idle(page)


def save(page: Page, name: str) -> None:
    """Save what the page shows."""
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.save(FOLDER / f"{name}.webp", quality=QUALITY, method=6)


def main() -> None:
    source = Path(os.environ["CALTECH101_ROOT"]) / "101_ObjectCategories"
    temporary = Path(tempfile.mkdtemp())
    FOLDER.mkdir(exist_ok=True)
    images = temporary / "photographs"
    query = photographs(source, images)
    workbench = Workbench(temporary / "home")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=[*SOFTWARE_WEBGL]
            )
            page = browser.new_page(viewport=SIZE)
            first_answer(page, workbench, images, query).save(FOLDER / "first_answer.webp")
            save(page, "query")
            wait_for_jobs(workbench)
            workspace = Workspace(temporary / "home")
            [index] = read_lineage(workspace).indexes
            finish(analyze(workspace, AnalysisConfig(index=index.id)))
            for name, path in PAGES.items():
                open_page(page, workbench, path)
                settle(page)
                save(page, name)
            browser.close()
    finally:
        workbench.close()
        shutil.rmtree(temporary)


def wait_for_jobs(workbench: Workbench, timeout: float = 900) -> None:
    """Wait until no job runs."""
    ended = time.monotonic() + timeout
    while workbench.jobs() and time.monotonic() < ended:
        time.sleep(1)


if __name__ == "__main__":
    main()
