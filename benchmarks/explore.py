"""Time to paint a map, and the images of a lasso selection, in a real browser.

    python -m benchmarks.explore [--images 9144 100000]

Small JPEGs of noise in 200 classes with embeddings drawn around as many centers, on a PCA map. The
page is opened by its link from another one, after it was open once. The reference is the switch to
the first page.
"""

import argparse
import math
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks.datasets import NAME, NUM_CLASSES, make_images
from benchmarks.timing import CORES_OF_LIMITS, NUM_CORES
from core.artifacts.folders import draft, list_artifacts, publish
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import open_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.files import IMAGE_IDS, VECTORS
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.maps.config import MapConfig, MapMethod
from core.maps.files import build_map
from core.progress import finish
from core.workspace import Workspace
from tests.browser.chromium import SOFTWARE_WEBGL, find_chromium
from tests.browser.journey import headless
from tests.browser.workbench import Workbench, open_page, wait_idle

FEW = 10_000
PAINTED_S, PAINTED_MANY_S = 1.5, 4.0
GALLERY_S, GALLERY_MANY_S = 1.0, 2.0
DIMENSION, SPREAD = 128, 0.6
ROUNDS = 5
TILES = """() => {
  const roots = [...document.querySelectorAll('.st-key-explore-selected *')]
    .map(node => node.shadowRoot).filter(Boolean);
  const images = roots.flatMap(root => [...root.querySelectorAll('.tile img')]);
  return images.length > 0 && images.every(image => image.complete && image.naturalWidth > 0);
}"""


def prepare(home: Path, root: Path, count: int) -> None:
    """Make images, an untrained model, embeddings, an index and a map."""
    workspace = Workspace(home)
    make_images(root, count)
    finish(add_folder(workspace, NAME, Source(root=root.resolve()), SplitConfig()))
    network = ("--backbone", "resnet18", "--weights", "none", "--trainable-blocks", "4")
    headless(home, "train", "--dataset", NAME, *network, "--image-size", "32", "--epochs", "0")
    [model], _ = list_artifacts(workspace.models)
    catalog = open_dataset(workspace, NAME).catalog
    rows = catalog.rows()
    draw = np.random.default_rng(0)
    classes = {label: number for number, label in enumerate(catalog.labels())}
    centers = draw.normal(size=(NUM_CLASSES, DIMENSION))
    own = np.array([classes[str(row.label)] for row in rows])
    vectors = centers[own] + SPREAD * draw.normal(size=(len(rows), DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with draft(workspace.embeddings) as folder:
        np.save(folder / VECTORS, vectors.astype(np.float32))
        np.save(folder / IMAGE_IDS, np.array([row.id for row in rows], np.int64))
        made_from = {
            "dataset": NAME,
            "dataset_fingerprint": catalog.images_fingerprint,
            "model": model.id,
            "model_fingerprint": model.fingerprint,
        }
        summary = {"num_problems": 0}
        embeddings = publish(
            folder, kind="embeddings", stem=NAME, config={}, made_from=made_from, summary=summary
        )
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    finish(build_map(workspace, MapConfig(index=index.id, method=MapMethod.PCA)))


def switch(page: Page, title: str, until: str) -> float:
    """Click a link of the sidebar, and return the seconds until a selector is there."""
    started = time.perf_counter()
    page.get_by_role("link", name=title, exact=True).click()
    page.wait_for_selector(until, timeout=60_000)
    taken = time.perf_counter() - started
    wait_idle(page)
    return taken


def lasso(page: Page, share: float) -> float:
    """Lasso the middle of the map, and return the seconds until the images are painted."""
    box = page.locator(".workbench-scatter-plot .nsewdrag").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    radius = share * min(box["width"], box["height"]) / 2
    turns = [2 * math.pi * step / 24 for step in range(25)]
    corners = [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner)
    started = time.perf_counter()
    page.mouse.up()
    page.wait_for_function(TILES, timeout=60_000)
    taken = time.perf_counter() - started
    wait_idle(page)
    page.get_by_role("button", name="Clear selection").click()
    page.wait_for_selector(".st-key-explore-selected", state="detached")
    wait_idle(page)
    return taken


def judge(name: str, taken: list[float], limit: float, reference: float) -> None:
    """Print a median beside its limit, and as a multiple of the reference."""
    value = statistics.median(taken)
    verdict = "holds" if value < limit else "does not hold"
    few = NUM_CORES < CORES_OF_LIMITS
    print(
        f"  {name:<34} {value:6.2f} s  {value / reference:5.1f} ×   limit {limit:g} s: "
        f"{'not judged, few cores' if few else verdict}",
        flush=True,
    )


def measure(page: Page, count: int) -> None:
    """Print the times of painting and selecting."""
    few = count <= FEW
    drawn = ".workbench-scatter[data-drawn]"
    switch(page, "Explore", drawn)
    quick, painted = [], []
    for _ in range(ROUNDS):
        quick.append(switch(page, "Home", "h1:text-is('Home')"))
        painted.append(switch(page, "Explore", drawn))
    selected = [lasso(page, 0.5) for _ in range(ROUNDS)]
    reference = statistics.median(quick)
    print(f"\n{count:,} images; a switch to Home takes {reference:.2f} s")
    judge("a map painted, from the click", painted, PAINTED_S if few else PAINTED_MANY_S, reference)
    judge("a lasso's images painted", selected, GALLERY_S if few else GALLERY_MANY_S, reference)


def main() -> None:
    """Make the workspaces and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[9_144, 100_000])
    chosen = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=[*SOFTWARE_WEBGL]
        )
        for count in chosen.images:
            with tempfile.TemporaryDirectory() as temporary:
                home = Path(temporary) / "home"
                prepare(home, Path(temporary) / "images", count)
                workbench = Workbench(home)
                try:
                    page = browser.new_page(viewport={"width": 1440, "height": 900})
                    open_page(page, workbench, "")
                    measure(page, count)
                    page.close()
                finally:
                    workbench.close()
        browser.close()


if __name__ == "__main__":
    main()
