"""Queries by upload in a real browser: one by one, and from many sessions at once.

    python -m benchmarks.sessions [--home FOLDER] [--side 224] [--alone 20] [--rounds 3]

Each time is from the choice of a file until all of its 20 matches are painted, as the page itself
measures it. The yardstick is the lone query. Beside it stands how long a query keeps a core busy,
the browser's part, too: many at once cannot be done before the cores have done that for each.
`--home` is an indexed workspace, checked as the app does behind each scan, of which the index made
last is searched by images of its dataset; else one is made of the drawn set and an untrained
VGG-16. The passes are those of a model that takes longer than a page needs to ask: a quicker one is
free again before the next query comes.
"""

import argparse
import base64
import random
import re
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

from benchmarks.yardstick import CORES_OF_LIMITS, NUM_CORES
from core.datasets.registry import open_dataset
from core.lineage.graph import read_lineage
from core.workspace import Workspace
from tests.browser.chromium import find_chromium
from tests.browser.journey import headless
from tests.browser.workbench import Workbench, open_page, wait_idle

MATCHES = 20
AT_ONCE = {10: 10.0, 20: None}
"""Sessions → how many times a lone query theirs may take, where that is limited."""

WARM_UP = 6
"""Queries of each page before it is measured. In its first ones Chromium compiles its script: the
lone page asks so often that it would be measured without, the others with that."""

TIMEOUT_S = 120

LONE_MEDIAN_S, LONE_P95_S = 0.8, 1.5
SEARCH_S, OUTSIDE_S = 0.005, 0.150
MOST_PASSES = 5

UPLOADER = '[class*="st-key-query-upload-"] input[type=file]'
UPLOAD = """async ([uploader, bytes, name, start, count, timeout]) => {
  const binary = atob(bytes);
  const content = Uint8Array.from(binary, letter => letter.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([content], name, {type: 'image/jpeg'}));
  const roots = () => [...document.querySelectorAll('.st-key-query-gallery *')]
    .map(node => node.shadowRoot).filter(Boolean);
  const tilesIn = root => [...root.querySelectorAll('[aria-label="Matches"] .tile')];
  const seen = () => roots().flatMap(tilesIn);
  const said = tiles => tiles.map(tile => tile.textContent).join();
  await new Promise(done => setTimeout(done, start - Date.now()));
  const before = said(seen());
  const isPainted = () => {
    const tiles = seen(), images = tiles.map(tile => tile.querySelector('img'));
    return tiles.length === count && said(tiles) !== before
      && images.every(image => image.complete && image.naturalWidth > 0);
  };
  const input = document.querySelector(uploader);
  const started = performance.now();
  input.files = files.files;
  input.dispatchEvent(new Event('change', {bubbles: true}));
  return new Promise(done => {
    const looked = new AbortController(), watched = new Set();
    const end = seconds => { looked.abort(); watcher.disconnect(); done(seconds); };
    const look = () => {
      for (const root of roots().filter(root => !watched.has(root))) watch(root);
      if (isPainted()) end((performance.now() - started) / 1000);
    };
    const watcher = new MutationObserver(look);
    const watch = root => {
      watched.add(root);
      watcher.observe(root, {childList: true, characterData: true, subtree: true});
      root.addEventListener('load', look, {capture: true, signal: looked.signal});
    };
    watch(document.body);
    setTimeout(() => end(null), timeout);
  });
}"""
"""Chooses a file at a given time, for it comes to all sessions at once, and waits for its tiles.

The input is looked for then, and not before: each answer brings a new one. Tiles are looked at when
the page changes and when a picture has loaded: to look every so often would take the cores from the
rest, or see them late."""

STAGES = ("decode", "wait", "embed", "search")
STAGE = re.compile(rf"({'|'.join(STAGES)}) (\d+) ms")
ALWAYS_SAID = {"decode", "embed", "search"}
"""A query that did not wait says nothing of it."""

TOGETHER = re.compile(r"(\d+) queries at once")


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One query, as its page saw it; all in seconds."""

    whole: float
    stages: dict[str, float]
    together: int

    @property
    def outside(self) -> float:
        """What was neither the forward pass nor the wait for it."""
        return self.whole - self.stages["embed"] - self.stages.get("wait", 0)


class Sessions:
    """Tabs of as many people, each with a page of its own and the images it has not asked for."""

    def __init__(self, browser: Browser, workbench: Workbench, images: list[Path]) -> None:
        self.browser, self.workbench, self.images = browser, workbench, images
        self.pages: list[Page] = []
        self.num_failed = 0
        self.busy_s: list[float] = []
        """Of a core, for each query of each time that was asked."""

    def open(self, count: int) -> None:
        """Open pages until there are `count`."""
        while len(self.pages) < count:
            page = self.browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            open_page(page, self.workbench, "query")
            page.locator(UPLOADER).wait_for(state="attached", timeout=1000 * TIMEOUT_S)
            self.pages.append(page)

    def ask(self, count: int) -> list[Asked]:
        """Upload an image in each of the first `count` pages at the same moment."""
        start_ms = 1000 * (time.time() + 0.2 + 0.05 * count)
        for page in self.pages[:count]:
            image = self.images.pop()
            content = base64.b64encode(image.read_bytes()).decode()
            sent = [UPLOADER, content, image.name, start_ms, MATCHES, 1000 * TIMEOUT_S]
            page.evaluate(f"sent => {{ window.asked = ({UPLOAD})(sent); }}", sent)
        busy_before = busy_s()
        asked = [self._outcome(page) for page in self.pages[:count]]
        self.busy_s.append((busy_s() - busy_before) / count)
        self.num_failed += sum(one is None for one in asked)
        return [one for one in asked if one is not None]

    def _outcome(self, page: Page) -> Asked | None:
        whole = page.evaluate("window.asked")
        try:
            wait_idle(page)
        except TimeoutError:
            return None
        text = page.get_by_test_id("stMain").inner_text()
        stages = {name: int(spent) / 1000 for name, spent in STAGE.findall(text)}
        together = TOGETHER.search(text)
        is_answered = whole is not None and stages.keys() >= ALWAYS_SAID
        if not is_answered or page.get_by_test_id("stAlert").count():
            return None
        return Asked(whole=whole, stages=stages, together=int(together[1]) if together else 1)


def busy_s() -> float:
    """Return how long the cores have worked so far, whoever for, in seconds of one."""
    spent = psutil.cpu_times()
    return float(spent.user + spent.nice + spent.system)


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def judge(name: str, value: float, limit: float | None, unit: str = "s") -> None:
    """Print a figure beside its limit, if it has one."""
    if limit is None:
        print(f"  {name:<52} {value:8.3f} {unit}", flush=True)
        return
    held = "holds" if value <= limit else "does not hold"
    judged = "not judged, few cores" if NUM_CORES < CORES_OF_LIMITS and unit == "s" else held
    print(f"  {name:<52} {value:8.3f} {unit}   limit {limit:g}: {judged}", flush=True)


def print_stages(asked: list[Asked]) -> None:
    """Print the medians of what the server says of its stages."""
    for stage in STAGES:
        spent = statistics.median(one.stages.get(stage, 0) for one in asked)
        print(f"  of it {stage:<46} {spent:8.3f} s")


def alone(sessions: Sessions, count: int) -> float:
    """Measure a lone session and return the median of a whole query."""
    sessions.open(1)
    for _ in range(WARM_UP):  # Model and index are opened once, too
        sessions.ask(1)
    asked = [one for _ in range(count) for one in sessions.ask(1)]
    whole = [one.whole for one in asked]
    print(f"\nA lone session, {count} queries, {MATCHES} matches each")
    judge("upload to all tiles painted, median", statistics.median(whole), LONE_MEDIAN_S)
    judge("upload to all tiles painted, p95", p95(whole), LONE_P95_S)
    print_stages(asked)
    judge("search, p95", p95([one.stages["search"] for one in asked]), SEARCH_S)
    outside = [one.outside for one in asked]
    judge("all but the forward pass, median", statistics.median(outside), OUTSIDE_S)
    judge("a core is busy, median", statistics.median(sessions.busy_s[-count:]), None)
    return statistics.median(whole)


def at_once(sessions: Sessions, count: int, rounds: int, lone: float) -> None:
    """Measure `count` sessions that upload at the same moment."""
    sessions.open(count)
    failed = sessions.num_failed
    for _ in range(WARM_UP):
        sessions.ask(count)
    asked = [sessions.ask(count) for _ in range(rounds)]
    each = [one for answers in asked for one in answers]
    whole = [one.whole for one in each]
    print(f"\n{count} sessions at once, {rounds} rounds")
    judge("median, to a lone query", statistics.median(whole) / lone, None, "×")
    print_stages(each)
    judge("p95, to a lone query", p95(whole) / lone, AT_ONCE[count], "×")
    busy = statistics.median(sessions.busy_s[-rounds:])
    judge("a core is busy for each, median", busy, None)
    judge(
        "what the cores need for that, to a lone query", count * busy / NUM_CORES / lone, None, "×"
    )
    passes = [round(sum(1 / one.together for one in answers)) for answers in asked]
    judge(f"passes through the model, most of {passes}", max(passes), MOST_PASSES, "")
    judge("errors", sessions.num_failed - failed, 0, "")


def prepare(home: Path, side: int) -> None:
    """Make a dataset, an untrained model and an index to search."""
    network = ("--weights", "none", "--trainable-blocks", "5", "--image-size", str(side))
    headless(home, "draw", "--name", "drawn")
    headless(home, "check", "--dataset", "drawn")  # Its thumbnails, as in the app behind each scan
    model = headless(home, "train", "--dataset", "drawn", *network, "--epochs", "0")
    headless(home, "index", "--dataset", "drawn", "--model", model["id"])


def images_of(home: Path) -> list[Path]:
    """Return the files of the dataset of the index made last, shuffled."""
    workspace = Workspace(home)
    index = read_lineage(workspace).indexes[0]
    dataset = open_dataset(workspace, index.made_from["dataset"])
    files = [dataset.path_of(row) for row in dataset.catalog.rows() if row.problem is None]
    random.Random(0).shuffle(files)
    print(f"{index.id}: {index.summary['count']:,} images indexed, {NUM_CORES} cores")
    return files


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="an indexed workspace, else one is made")
    parser.add_argument("--side", type=int, default=224, help="pixels a side of the model made")
    parser.add_argument("--alone", type=int, default=20, help="queries of the lone session")
    parser.add_argument("--rounds", type=int, default=3, help="of many sessions at once")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        home = chosen.home or Path(temporary) / "home"
        if chosen.home is None:
            prepare(home, chosen.side)
        workbench = Workbench(home)
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium())
            sessions = Sessions(browser, workbench, images_of(home))
            lone = alone(sessions, chosen.alone)
            for count in AT_ONCE:
                at_once(sessions, count, chosen.rounds, lone)
            browser.close()
        finally:
            workbench.close()


if __name__ == "__main__":
    main()
