"""Paging, filtering and sorting 100,000 images in a real browser.

    python -m benchmarks.browse [--images 100000] [--keep FOLDER] [--pages 200]

Each time is from the click until every image of the page is painted. Each page is shown twice: the
first time its thumbnails are made, the second time, the reference, they are cached.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.datasets import NAME, NUM_CLASSES, make_images
from benchmarks.timing import CORES_OF_LIMITS, NUM_CORES
from core.datasets.importing.scan import Source, add_folder
from core.datasets.splits import SplitConfig
from core.progress import finish
from core.workspace import Workspace
from tests.browser.chromium import find_chromium
from tests.browser.workbench import Workbench, open_page, wait_idle

LIMIT_S = 0.7
LIMIT_MB = 200
WARM_UP = 5
NUM_BACK = 30
FILTERS = 24
PAGE = 60
PAINTED = """([text, before]) => {
  if (!document.querySelector('[data-testid="stMain"]').innerText.includes(text)) return false;
  const inside = [...document.querySelectorAll('[data-testid="stMain"] *')];
  const roots = [document, ...inside.map(node => node.shadowRoot).filter(Boolean)];
  const images = roots.flatMap(root => [...root.querySelectorAll('[role="listbox"] .tile img')]);
  if (!images.length || images[0].closest('.tile').title + images[0].src === before) return false;
  return images.every(image => image.complete && image.naturalWidth > 0);
}"""


TILES = "[aria-label='Images of the dataset'] .tile"
FIRST = "tile => tile.title + tile.querySelector('img').src"


def until_painted(page: Page, act: Callable[[], object], text: str) -> float:
    """Return the seconds from an action until the text and other images are painted."""
    before = page.locator(TILES).first.evaluate(FIRST)
    started = time.perf_counter()
    act()
    page.wait_for_function(PAINTED, arg=[text, before])
    taken = time.perf_counter() - started
    wait_idle(page)
    return taken


def turn(page: Page, name: str, number: int, num_images: int) -> float:
    """Return the seconds to show a page by the button `name`."""
    button = page.get_by_role("button", name=name).first
    first = (number - 1) * PAGE + 1
    last = min(number * PAGE, num_images)
    return until_painted(page, button.click, f"{first:,}–{last:,} of")


def megabytes(workbench: Workbench) -> float:
    """Return the server's resident memory."""
    assert workbench.server is not None
    return float(psutil.Process(workbench.server.pid).memory_info().rss / 1e6)


def choose(page: Page, field: str, value: str, text: str) -> float:
    """Return the seconds to apply a value in a field of the filter bar."""
    box = page.get_by_role("combobox", name=field, exact=True)
    box.click()
    box.fill(value)
    option = page.get_by_role("option", name=value, exact=True)
    option.wait_for()
    return until_painted(page, option.click, text)


def report(name: str, taken: list[float]) -> None:
    """Print median and 95th percentile."""
    p95 = statistics.quantiles(taken, n=20, method="inclusive")[-1]
    judged = "holds" if p95 < LIMIT_S else "does not hold"
    few = NUM_CORES < CORES_OF_LIMITS
    print(
        f"  {name:<40} median {statistics.median(taken) * 1e3:6.0f} ms   p95 {p95 * 1e3:6.0f} ms"
        f"   {'not judged, few cores' if few else judged}",
        flush=True,
    )


def browse(page: Page, workbench: Workbench, num_images: int, num_pages: int) -> None:
    """Print the times of paging, filtering and sorting."""
    print(f"\n{num_images:,} images, {PAGE} on a page (limit {LIMIT_S * 1e3:.0f} ms at p95)")
    for number in range(2, WARM_UP + 1):
        turn(page, "Next page", number, num_images)
    before = megabytes(workbench)
    end = WARM_UP + num_pages
    first = [turn(page, "Next page", number, num_images) for number in range(WARM_UP + 1, end + 1)]
    grown = megabytes(workbench) - before
    report("next page, thumbnails made", first)
    back = range(end - 1, end - 1 - NUM_BACK, -1)
    report(
        "previous page, thumbnails cached", [turn(page, "Previous", n, num_images) for n in back]
    )
    verdict = "holds" if grown < LIMIT_MB else "does not hold"
    print(
        f"  the server grew by {grown:.0f} MB over {num_pages} pages (limit {LIMIT_MB}): {verdict}"
    )

    of_class = f"1–{PAGE} of {num_images // NUM_CLASSES:,}"
    filtered, cleared = [], []
    for number in range(FILTERS):
        name = f"class_{number * 7 + 1:03}"  # The first image of all is of class 0
        page.get_by_role("searchbox", name="Search class").fill(name)
        value = page.get_by_role("listbox", name="Class").get_by_text(name, exact=True)
        filtered.append(until_painted(page, value.click, of_class))
        chip = page.get_by_role("button", name=f"Class: {name}")
        cleared.append(until_painted(page, chip.click, f"1–{PAGE} of {num_images:,}"))
    report("filter by a class", filtered)
    report("clear the filter", cleared)
    orders = ("Largest file first", "Newest first", "Smallest file first", "Path")
    sort = [choose(page, "Sort by", order, f"1–{PAGE} of {num_images:,}") for order in orders * 6]
    report("sort", sort)


def main() -> None:
    """Make the images and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="use these images, made here if they are not")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        root = (chosen.keep or Path(temporary)) / "images"
        if not root.exists():
            make_images(root, chosen.images)
        home = Path(temporary) / "home"
        finish(add_folder(Workspace(home), NAME, Source(root=root.resolve()), SplitConfig()))
        workbench = Workbench(home)
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium())
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            open_page(page, workbench, "datasets")
            browse(page, workbench, chosen.images, chosen.pages)
            browser.close()
        finally:
            workbench.close()


if __name__ == "__main__":
    main()
