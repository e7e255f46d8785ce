"""Time to first paint of the pages, and page switches and queries during a training.

    python -m benchmarks.pages

The reference is a Streamlit app of one line in the same browser, on the same machine.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.timing import interleaved, report, seconds
from core.commands.command import Lane
from core.workspace import Workspace
from state.jobs import JobBoard
from tests.browser.chromium import find_chromium
from tests.browser.journey import headless
from tests.browser.workbench import Workbench, open_page, wait_idle

ROUNDS = 7
NUM_ANSWERS = 20
PAGES = ["Datasets", "Training", "Indexes", "Query", "Explore"]
SLOW_LIBRARIES = ("libtorch_cpu", "libfaiss", "_swigfaiss", "llvmlite")
TITLE = "Home"
ONE_LINE = f"import streamlit as st\n\nst.title({TITLE!r})\n"


NETWORK = ("--dataset", "sample", "--backbone", "vgg16_bn", "--weights", "none")
LONG = (*NETWORK, "--image-size", "48", "--epochs", "500")


def await_title(page: Page, title: str) -> None:
    """Wait until the page's heading is `title`, checked in each frame."""
    page.wait_for_function(
        "title => [...document.querySelectorAll('h1')].some(h => h.innerText.trim() === title)",
        arg=title,
    )


def paint(browser: Browser, app: Workbench) -> float:
    """Return the seconds from opening `app` in a new browser profile to its title."""
    page = browser.new_context().new_page()
    started = time.perf_counter()
    page.goto(app.url, wait_until="commit")
    await_title(page, TITLE)
    took = time.perf_counter() - started
    wait_idle(page)
    page.context.close()
    return took


def cold_paint(browser: Browser, app: Workbench) -> float:
    """Return the seconds from starting the server of `app` to its title in a browser."""
    app.stop()
    return seconds(app.start) + paint(browser, app)


def switches(page: Page) -> float:
    """Return the median of the seconds from a click in the sidebar to the page's title."""
    taken = []
    for name in [*PAGES, "Home"]:
        link = page.get_by_test_id("stSidebar").get_by_role("link", name=name)
        started = time.perf_counter()
        link.click()
        await_title(page, name)
        taken.append(time.perf_counter() - started)
        wait_idle(page)
    return statistics.median(taken)


def query(page: Page) -> float:
    """Return the seconds from a click to the images that a query finds."""
    before = page.get_by_test_id("stMain").inner_text()
    started = time.perf_counter()
    page.get_by_role("button", name="Random image").click()
    page.wait_for_function(
        "before => document.querySelector('[data-testid=stMain]').innerText !== before", arg=before
    )
    page.get_by_role("listbox", name="Matches").get_by_role("option").first.wait_for()
    took = time.perf_counter() - started
    wait_idle(page)
    return took


def reload(page: Page) -> float:
    """Return the seconds from a reload of the first page to its title."""
    started = time.perf_counter()
    page.reload(wait_until="commit")
    await_title(page, TITLE)
    took = time.perf_counter() - started
    wait_idle(page)
    return took


def p95(page: Page, name: str, measure: Callable[[Page], float]) -> float:
    """Return the 95th percentile of what `measure` returns on a page."""
    page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
    wait_idle(page)
    measure(page)  # Opens model and index, which is done once
    return statistics.quantiles((measure(page) for _ in range(NUM_ANSWERS)), n=20)[-1]


def slow_libraries(workbench: Workbench) -> list[str]:
    """Return the slow libraries that the server has loaded."""
    assert workbench.server is not None
    maps = [entry.path for entry in psutil.Process(workbench.server.pid).memory_maps()]
    return [name for name in SLOW_LIBRARIES if any(name in path for path in maps)]


@contextmanager
def one_line_app(folder: Path) -> Iterator[Workbench]:
    """Run a server whose app shows its title and nothing else."""
    script = folder / "one_line.py"
    script.write_text(ONE_LINE)
    app = Workbench(folder / "one_line", script=script)
    try:
        yield app
    finally:
        app.close()


def prepare(home: Path) -> None:
    """Make a dataset, an untrained model and an index."""
    headless(home, "generate", "--name", "sample")
    headless(home, "train", *NETWORK, "--image-size", "32", "--epochs", "0")
    headless(home, "index", "--dataset", "sample", "--model", "sample-vgg16_bn-untrained")


@contextmanager
def training(home: Path) -> Iterator[None]:
    """Run a training for as long as the block, started as the page starts it."""
    board = JobBoard(Workspace(home))
    job = board.start(["train", *LONG], "A long training", Lane.COMPUTE)
    try:
        while not any(m["curve"] == "epoch" for m in board.views()[0].measurements):
            time.sleep(0.5)
        yield
    finally:
        board.stop(job.id)
        board.wait(job.id, timeout=60)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        home = Path(name) / "home"
        prepare(home)
        browser = playwright.chromium.launch(executable_path=find_chromium())
        workbench = Workbench(home)
        with one_line_app(Path(name)) as plain:
            apps = {"an app of one line": plain, "Home": workbench}
            report(
                "First paint, with the start of the server",
                interleaved({n: partial(cold_paint, browser, app) for n, app in apps.items()}, 3),
                limit=3,
            )
            print(f"  loaded by then: {slow_libraries(workbench) or 'no torch, faiss or umap'}")
            report(
                "First paint of a new tab",
                interleaved({n: partial(paint, browser, app) for n, app in apps.items()}, ROUNDS),
                limit=3,
            )
        page = browser.new_page()
        open_page(page, workbench)
        switches(page)
        idle = statistics.median(switches(page) for _ in range(ROUNDS))
        with training(home):
            busy = statistics.median(switches(page) for _ in range(ROUNDS))
            home_s, query_s = p95(page, "Home", reload), p95(page, "Query", query)
        report("Page switch", {"idle": idle, "during a training": busy}, limit=1)
        report(
            f"During a training, p95 of {NUM_ANSWERS}",
            {"a page switch (median)": busy, "Home": home_s, "query results": query_s},
            limit=1.5,
        )
        browser.close()
        workbench.close()


if __name__ == "__main__":
    main()
