"""What the first screen of each page shows, in Chromium at 1440 × 900.

    python -m benchmarks.first_screen --home HOME

HOME has a dataset with an index, an evaluation, a map and an analysis, such as that of
`benchmarks.quickstart --home HOME` on all of Caltech-101, then analyzed on the Data quality page.
Layout shift is the browser's cumulative layout shift without recent input, of a page's load and of
the switch to it by the sidebar.
"""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, sync_playwright

from tests.browser.chromium import SOFTWARE_WEBGL, find_chromium
from tests.browser.workbench import Workbench, open_page, wait_idle

SIZE: ViewportSize = {"width": 1440, "height": 900}
PAGES = {
    "Home": "",
    "Datasets": "datasets",
    "Training": "training",
    "Indexes": "indexes",
    "Query": "query",
    "Explore": "explore",
    "Evaluate": "evaluate",
    "Data quality": "data_quality",
}
SETTLED_MS = 2500
IMPACTS = {"critical", "serious", "moderate"}

SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""

EVERYWHERE = """
const roots = (root) => [root, ...[...root.querySelectorAll("*")]
  .filter((node) => node.shadowRoot).flatMap((node) => roots(node.shadowRoot))];
const all = (selector) => roots(document).flatMap((root) => [...root.querySelectorAll(selector)]);
const box = (node) => node.getBoundingClientRect();
const whole = (node) => {
  const { top, left, bottom, right, width } = box(node);
  return width > 0 && top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth;
};
"""

WHOLE_TILES = f"""() => {{ {EVERYWHERE}
  return all(".tile").filter(whole).length;
}}"""

WHOLE_IMAGES = f"""() => {{ {EVERYWHERE}
  return all("img").filter((image) => whole(image) && box(image).width >= 40).length;
}}"""

MAP_SHARE = f"""() => {{ {EVERYWHERE}
  const plot = all(".workbench-scatter-plot")[0];
  if (!plot) return 0;
  const {{ top, bottom, height }} = box(plot);
  return Math.max(0, Math.min(bottom, innerHeight) - Math.max(top, 0)) / height;
}}"""

FIRST_CONTENT = """() => {
  const title = document.querySelector("h1");
  const under = title.closest('[data-testid="stLayoutWrapper"], [data-testid="stElementContainer"]')
    .getBoundingClientRect().bottom;
  const tops = [...document.querySelectorAll(".stMain [data-testid='stElementContainer']")]
    .map((node) => node.getBoundingClientRect())
    .filter((box) => box.height > 4 && box.width > 4 && box.top >= under - 1)
    .map((box) => box.top);
  return Math.round(Math.min(...tops));
}"""

SENTENCES = """() => [...document.querySelectorAll(".stMain p")]
  .filter((node) => !node.closest("button, label, [role=tab]"))
  .filter((node) => {
    const { top, bottom, height } = node.getBoundingClientRect();
    return height > 0 && top >= 0 && bottom <= innerHeight;
  })
  .flatMap((node) => node.innerText.match(/(\\S+\\s+){3,}\\S+[.!?](\\s|$)/g) || []).length"""


@contextmanager
def opened(home: Path) -> Iterator[tuple[Workbench, Page]]:
    """Start a server and a browser."""
    workbench = Workbench(home)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_chromium(), args=[*SOFTWARE_WEBGL]
            )
            page = browser.new_page(viewport=SIZE)
            page.add_init_script(f"({SHIFTS})()")
            yield workbench, page
            browser.close()
    finally:
        workbench.close()


def settle(page: Page) -> None:
    """Wait until a page is drawn."""
    wait_idle(page)
    page.wait_for_timeout(SETTLED_MS)
    wait_idle(page)


def shifted(page: Page) -> float:
    """Return the layout shift since the last call."""
    return float(page.evaluate("() => { const s = window.shifts; window.shifts = 0; return s; }"))


def violations(page: Page) -> int:
    """Return the number of elements that axe-core reports, of moderate impact and more."""
    found = Axe().run(page).response["violations"]
    return sum(len(each["nodes"]) for each in found if each["impact"] in IMPACTS)


def special(page: Page, name: str) -> str:
    """Return the figures of a page that others do not have."""
    match name:
        case "Home":
            return f"{page.evaluate(WHOLE_IMAGES)} whole images (at least 12)"
        case "Datasets":
            return f"{page.evaluate(WHOLE_TILES)} whole tiles (at least 24)"
        case "Query":
            page.get_by_role("button", name="Random image").first.click()
            page.wait_for_timeout(2000)
            settle(page)
            return f"{page.evaluate(WHOLE_TILES)} whole tiles (at least 15)"
        case "Explore":
            return f"{page.evaluate(MAP_SHARE):.0%} of the map (100 %)"
        case _:
            return ""


def main() -> None:
    parser = argparse.ArgumentParser(description="What the first screens show.")
    parser.add_argument("--home", type=Path, required=True)
    options = parser.parse_args()
    print("page          content at y   sentences   axe   shift: load, switch")
    with opened(options.home) as (workbench, page):
        for name, path in PAGES.items():
            open_page(page, workbench, path)
            settle(page)
            load = shifted(page)
            extra = special(page, name)
            y, sentences = page.evaluate(FIRST_CONTENT), page.evaluate(SENTENCES)
            found = violations(page)
            other = "Datasets" if name != "Datasets" else "Training"
            links = page.get_by_test_id("stSidebar")
            links.get_by_role("link", name=other, exact=True).click()
            settle(page)
            shifted(page)
            links.get_by_role("link", name=name, exact=True).click()
            settle(page)
            switch = shifted(page)
            print(
                f"{name:<14}{y:>8} px {sentences:>10} {found:>7}   {load:.3f}, {switch:.3f}   "
                f"{extra}",
                flush=True,
            )


if __name__ == "__main__":
    main()
