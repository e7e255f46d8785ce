"""Latency of queries by upload in a real browser: one session, and many at once.

    python -m benchmarks.sessions [--home FOLDER] [--side 224] [--alone 20] [--rounds 3]

Each time is from choosing a file until all of its 20 matches are painted, as measured in the page.
The reference is a single query. The CPU time of a query, the browser's included, is printed too:
many at once cannot take less than the sum of theirs over all cores.
`--home` is a workspace with verified images, whose newest index is searched by images of its
dataset; without it one is made of the sample dataset and an untrained VGG-16. The passes are those
of a model that takes longer than a page needs to send a query: a quicker one is idle again before
the next query comes.
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

from benchmarks.timing import CORES_OF_LIMITS, NUM_CORES
from core.datasets.registry import open_dataset
from core.lineage.graph import read_lineage
from core.workspace import Workspace
from tests.browser.chromium import find_chromium
from tests.browser.journey import headless
from tests.browser.workbench import Workbench, open_page, wait_idle

MATCHES = 20
AT_ONCE = {10: 10.0, 20: None}
"""Number of sessions → limit of their p95 as a multiple of a single query."""

WARM_UP = 6
"""Queries of each page before it is measured: Chromium compiles the page's script in the first
ones, which would count for many pages and not for a single one."""

TIMEOUT_S = 120

LONE_MEDIAN_S, LONE_P95_S = 0.8, 1.5
SEARCH_S, OUTSIDE_S = 0.005, 0.150
MOST_PASSES = 5

UPLOADER = '[class*="st-key-query-upload-"] input[type=file]'
UPLOAD = (Path(__file__).parent / "sessions_upload.js").read_text()
"""Choose a file at a given time, the same in all sessions, and wait for the tiles.

The input is located at that time: each result replaces it. Tiles are checked when the page changes
and when an image has loaded; polling would take CPU time from the rest or notice them late."""

STAGES = ("decode", "wait", "embed", "search")
STAGE = re.compile(rf"({'|'.join(STAGES)}) (\d+) ms")
REQUIRED_STAGES = {"decode", "embed", "search"}
"""A query that did not wait has no `wait`."""

TOGETHER = re.compile(r"batch of (\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedQuery:
    """The times of one query, in seconds."""

    whole: float
    stages: dict[str, float]
    together: int

    @property
    def outside(self) -> float:
        """Time of all but the forward pass and the wait for it."""
        return self.whole - self.stages["embed"] - self.stages.get("wait", 0)


class Sessions:
    """Browser sessions, each with a page of its own, and the images not used yet."""

    def __init__(self, browser: Browser, workbench: Workbench, images: list[Path]) -> None:
        self.browser, self.workbench, self.images = browser, workbench, images
        self.pages: list[Page] = []
        self.num_failed = 0
        self.busy_s: list[float] = []
        """CPU seconds a query, one value for each call of `upload`."""

    def open(self, count: int) -> None:
        """Open pages until there are `count`."""
        while len(self.pages) < count:
            page = self.browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            open_page(page, self.workbench, "query")
            page.locator(UPLOADER).wait_for(state="attached", timeout=1000 * TIMEOUT_S)
            self.pages.append(page)

    def upload(self, count: int) -> list[TimedQuery]:
        """Upload an image in each of the first `count` pages at the same time."""
        start_ms = 1000 * (time.time() + 0.2 + 0.05 * count)
        for page in self.pages[:count]:
            image = self.images.pop()
            content = base64.b64encode(image.read_bytes()).decode()
            sent = [UPLOADER, content, image.name, start_ms, MATCHES, 1000 * TIMEOUT_S]
            page.evaluate(f"sent => {{ window.uploaded = ({UPLOAD})(sent); }}", sent)
        busy_before = busy_s()
        timed = [self._outcome(page) for page in self.pages[:count]]
        self.busy_s.append((busy_s() - busy_before) / count)
        self.num_failed += sum(one is None for one in timed)
        return [one for one in timed if one is not None]

    def _outcome(self, page: Page) -> TimedQuery | None:
        whole = page.evaluate("window.uploaded")
        try:
            wait_idle(page)
        except TimeoutError:
            return None
        text = page.get_by_test_id("stMain").inner_text()
        stages = {name: int(spent) / 1000 for name, spent in STAGE.findall(text)}
        together = TOGETHER.search(text)
        is_complete = whole is not None and stages.keys() >= REQUIRED_STAGES
        if not is_complete or page.get_by_test_id("stAlert").count():
            return None
        return TimedQuery(whole=whole, stages=stages, together=int(together[1]) if together else 1)


def busy_s() -> float:
    """Return the CPU seconds of the whole machine so far."""
    spent = psutil.cpu_times()
    return float(spent.user + spent.nice + spent.system)


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def judge(name: str, value: float, limit: float | None, unit: str = "s") -> None:
    """Print a figure, with its limit if it has one."""
    if limit is None:
        print(f"  {name:<52} {value:8.3f} {unit}", flush=True)
        return
    verdict = "holds" if value <= limit else "does not hold"
    judged = "not judged, few cores" if NUM_CORES < CORES_OF_LIMITS and unit == "s" else verdict
    print(f"  {name:<52} {value:8.3f} {unit}   limit {limit:g}: {judged}", flush=True)


def print_stages(queries: list[TimedQuery]) -> None:
    """Print the medians of the server's stages."""
    for stage in STAGES:
        spent = statistics.median(one.stages.get(stage, 0) for one in queries)
        print(f"  of it {stage:<46} {spent:8.3f} s")


def alone(sessions: Sessions, count: int) -> float:
    """Measure a single session; return the median of a whole query."""
    sessions.open(1)
    for _ in range(WARM_UP):  # Model and index are opened here, too
        sessions.upload(1)
    queries = [one for _ in range(count) for one in sessions.upload(1)]
    whole = [one.whole for one in queries]
    print(f"\nOne session, {count} queries, {MATCHES} matches each")
    judge("upload to all tiles painted, median", statistics.median(whole), LONE_MEDIAN_S)
    judge("upload to all tiles painted, p95", p95(whole), LONE_P95_S)
    print_stages(queries)
    judge("search, p95", p95([one.stages["search"] for one in queries]), SEARCH_S)
    outside = [one.outside for one in queries]
    judge("all but the forward pass, median", statistics.median(outside), OUTSIDE_S)
    judge("CPU time, median", statistics.median(sessions.busy_s[-count:]), None)
    return statistics.median(whole)


def at_once(sessions: Sessions, count: int, rounds: int, single: float) -> None:
    """Measure `count` sessions that upload at the same time."""
    sessions.open(count)
    failed = sessions.num_failed
    for _ in range(WARM_UP):
        sessions.upload(count)
    uploads = [sessions.upload(count) for _ in range(rounds)]
    each = [one for queries in uploads for one in queries]
    whole = [one.whole for one in each]
    print(f"\n{count} sessions at once, {rounds} rounds")
    judge("median, to a single query", statistics.median(whole) / single, None, "×")
    print_stages(each)
    judge("p95, to a single query", p95(whole) / single, AT_ONCE[count], "×")
    busy = statistics.median(sessions.busy_s[-rounds:])
    judge("CPU time of each, median", busy, None)
    judge(
        "CPU time of all over all cores, to a single query",
        count * busy / NUM_CORES / single,
        None,
        "×",
    )
    passes = [round(sum(1 / one.together for one in queries)) for queries in uploads]
    judge(f"passes through the model, most of {passes}", max(passes), MOST_PASSES, "")
    judge("errors", sessions.num_failed - failed, 0, "")


def prepare(home: Path, side: int) -> None:
    """Make a dataset, an untrained model and an index to search."""
    network = ("--weights", "none", "--trainable-blocks", "5", "--image-size", str(side))
    headless(home, "generate", "--name", "sample")
    headless(home, "verify", "--dataset", "sample")  # Makes thumbnails, as in the app
    model = headless(home, "train", "--dataset", "sample", *network, "--epochs", "0")
    headless(home, "index", "--dataset", "sample", "--model", model["id"])


def images_of(home: Path) -> list[Path]:
    """Return the image files of the newest index's dataset, shuffled."""
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
    parser.add_argument("--alone", type=int, default=20, help="queries of the single session")
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
            single = alone(sessions, chosen.alone)
            for count in AT_ONCE:
                at_once(sessions, count, chosen.rounds, single)
            browser.close()
        finally:
            workbench.close()


if __name__ == "__main__":
    main()
