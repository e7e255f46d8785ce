"""Datasets and Explore with a million images in a browser: seconds of an action until painted.

    python -m benchmarks.million --keep FOLDER [--images 1000000] [--pages datasets explore]

FOLDER gets the images and the workspace, and is used again if it has them. The limit is 1 s at p95.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.browse import choose, until_painted
from benchmarks.explore import lasso
from benchmarks.million_images import NUM_CLASSES
from benchmarks.million_workspace import NAME, TAGS, prepare
from benchmarks.pages import await_title
from tests.browser.chromium import SOFTWARE_WEBGL, find_chromium
from tests.browser.workbench import Workbench, open_page, wait_idle

LIMIT_S, LIMIT_GB = 1.0, 4.0
ROUNDS, PAGE = 8, 60
WAIT_MS = 120_000
GALLERY = "[aria-label='Images of the dataset'] .tile img"
SECTIONS = (
    ("Classes", "[data-testid='stDataFrame']"),
    ("Duplicates", ".st-key-datasets-duplicates-all-near"),
    ("Images", GALLERY),
)


class Stopwatch:
    """The seconds that actions took, by name."""

    def __init__(self, page: Page, workbench: Workbench) -> None:
        self.page, self.workbench = page, workbench

    def report(self, name: str, taken: list[float], settled: list[float]) -> None:
        """Print median and 95th percentile, those until the page is idle, and the memory."""
        assert self.workbench.server is not None
        gigabytes = psutil.Process(self.workbench.server.pid).memory_info().rss / 1e9
        p95, idle = (
            statistics.quantiles(s, n=20, method="inclusive")[-1] for s in (taken, settled)
        )
        judged = "holds" if p95 < LIMIT_S else "misses"
        print(
            f"  {name:<34} p50 {statistics.median(taken):6.2f} s  p95 {p95:6.2f} s  "
            f"idle p95 {idle:6.2f} s  {judged}  server {gigabytes:.2f} GB"
            f"{'' if gigabytes < LIMIT_GB else ', over the limit'}",
            flush=True,
        )

    def measure(self, name: str, act: Callable[[int], float], rounds: int = ROUNDS) -> None:
        """Measure an action, which returns its seconds, and what follows until the page is idle."""
        taken, settled = [], []
        for number in range(rounds):
            started = time.perf_counter()
            seconds = act(number)
            wait_idle(self.page)
            taken.append(seconds)
            settled.append(max(seconds, time.perf_counter() - started))
        self.report(name, taken, settled)

    def until(self, act: Callable[[], object], selector: str, text: str = "") -> float:
        """Return the seconds from an action until an element, with a text, is visible."""
        started = time.perf_counter()
        act()
        found = self.page.locator(selector).filter(has_text=text).first
        found.wait_for(timeout=WAIT_MS)
        return time.perf_counter() - started


def link(page: Page, name: str) -> Callable[[], None]:
    """Return the click on a link of the sidebar."""
    return lambda: page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()


def away(page: Page) -> None:
    """Go to Home, from which pages are opened."""
    link(page, "Home")()
    await_title(page, "Home")
    wait_idle(page)


def open_from_home(watch: Stopwatch, name: str, selector: str, text: str = "") -> None:
    """Measure the first opening of a page, then those that follow."""

    def opened(_: int) -> float:
        away(watch.page)
        return watch.until(link(watch.page, name), selector, text)

    watch.measure(f"{name}: opened the first time", opened, rounds=2)
    watch.measure(f"{name}: opened again", opened)


def pick(watch: Stopwatch, facet: str, value: str, text: str) -> float:
    """Return the seconds to filter by a value of a facet."""
    search = watch.page.get_by_role("searchbox", name=f"Search {facet.lower()}")
    if search.count():
        search.fill(value)
    box = watch.page.get_by_role("listbox", name=facet)
    return until_painted(watch.page, box.get_by_text(value, exact=True).click, text)


def clear(watch: Stopwatch, chip: str, text: str) -> float:
    """Return the seconds to clear a filter by its chip."""
    return until_painted(watch.page, watch.page.get_by_role("button", name=chip).first.click, text)


def filter_by(watch: Stopwatch, facet: str, values: list[str], of_all: str) -> None:
    """Measure a filter by each of several values, and clearing it."""
    picking, clearing, idle = [], [], []
    for value in values:
        started = time.perf_counter()
        picking.append(pick(watch, facet, value, "of "))
        wait_idle(watch.page)
        idle.append(time.perf_counter() - started)
        clearing.append(clear(watch, f"{facet}: {value}", of_all))
        wait_idle(watch.page)
    watch.report(f"Datasets: filter by {facet.lower()}", picking, idle)
    watch.report(f"Datasets: clear {facet.lower()}", clearing, clearing)


def datasets(watch: Stopwatch, count: int) -> None:
    """Browse, filter, sort and open sections."""
    page, draw, of_all = watch.page, random.Random(0), f"of {count:,}"
    open_from_home(watch, "Datasets", GALLERY)

    def opened(_: int) -> float:
        address = f"datasets?dataset={NAME}&page={draw.randrange(2, count // PAGE)}"
        return watch.until(lambda: page.goto(f"{watch.workbench.url}/{address}"), GALLERY)

    def following(_: int) -> float:
        return until_painted(
            watch.page, page.get_by_role("button", name="Next page").first.click, of_all
        )

    def searched(number: int) -> float:
        box = page.get_by_placeholder("Path contains")
        box.fill(str(1230 + number))
        return until_painted(page, lambda: box.press("Enter"), "of ")

    watch.measure("Datasets: any page by its address", opened)
    open_page(page, watch.workbench, f"datasets?dataset={NAME}")
    watch.measure("Datasets: next page", following)
    filter_by(watch, "Class", [f"class_{n:03}" for n in range(7, NUM_CLASSES, 25)], of_all)
    filter_by(watch, "Split", ["test", "validation"] * 3, of_all)
    filter_by(watch, "Tag", list(TAGS) * 2, of_all)
    watch.measure("Datasets: search a path", searched)
    clear(watch, f"Path: {1230 + ROUNDS - 1}", of_all)
    orders = ("Largest file first", "Path", "Newest first", "Class", "Smallest file first")

    def sort(number: int) -> float:
        return choose(page, "Sort by", orders[number % 5], of_all)

    watch.measure("Datasets: sort", sort)
    opened_sections: dict[str, list[float]] = {section: [] for section, _ in SECTIONS}
    for section, selector in SECTIONS * 4:
        control = page.locator(".st-key-datasets-section").get_by_text(section, exact=True)
        opened_sections[section].append(watch.until(control.click, selector))
        wait_idle(page)
    for section, taken in opened_sections.items():
        watch.report(f"Datasets: section {section}", taken, taken)


def explore(watch: Stopwatch, count: int) -> None:
    """Open the map, zoom, lasso and color it."""
    page = watch.page
    drawn = ".workbench-scatter[data-drawn]"
    open_from_home(watch, "Explore", drawn)

    def colored(number: int) -> float:
        names = ("split", "predicted class", "tag", "class")
        before = page.locator(drawn).get_attribute("data-drawn")
        page.get_by_role("combobox", name="Color by").click()
        option = page.get_by_role("option", name=f"Color by {names[number % 4]}", exact=True)
        option.wait_for()
        started = time.perf_counter()
        option.click()
        await_change(page, drawn, "drawn", before)
        return time.perf_counter() - started

    watch.measure("Explore: color by", colored)

    def zoomed(number: int) -> float:
        box = page.locator(".workbench-scatter-plot .nsewdrag").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.45)
        started = time.perf_counter()
        before = page.locator(drawn).get_attribute("data-tile")
        page.mouse.wheel(0, -300 if number % 8 < 5 else 500)
        await_change(page, drawn, "tile", before)
        return time.perf_counter() - started

    watch.measure("Explore: zoom", zoomed)
    for share in (0.1, 0.5, 0.9):
        watch.measure(f"Explore: lasso of {share:.0%}", partial(lassoed, page, share), 4)


def await_change(page: Page, drawn: str, name: str, before: str | None) -> None:
    """Wait until the plot's data attribute is another one than before."""
    page.wait_for_function(
        "([s, name, before]) => document.querySelector(s)?.dataset[name] !== before",
        arg=[drawn, name, before],
        timeout=WAIT_MS,
    )


def lassoed(page: Page, share: float, _: int) -> float:
    """Lasso the middle of the map, and return the seconds until the images are painted."""
    return lasso(page, share)


PAGES = {"datasets": datasets, "explore": explore}


def main() -> None:
    """Make the workspace and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, required=True)
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    options = parser.parse_args()
    print(f"{options.images:,} images")
    prepare(options.keep / "home", options.keep / "images", options.images)
    workbench = Workbench(options.keep / "home")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=[*SOFTWARE_WEBGL]
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(WAIT_MS)
            open_page(page, workbench, f"?dataset={NAME}")
            for name in options.pages:
                PAGES[name](Stopwatch(page, workbench), options.images)
            browser.close()
    finally:
        workbench.close()


if __name__ == "__main__":
    main()
