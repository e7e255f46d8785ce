"""Any page, empty or full, light or dark: axe-core finds nothing, and nothing jumps at its load."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.lineage.graph import read_lineage
from core.maps.config import MapConfig, MapMethod
from core.maps.files import build_map
from core.progress import finish
from core.quality.analysis import analyze
from core.quality.config import AnalysisConfig
from core.workspace import Workspace
from tests.browser.workbench import Workbench, open_page, wait_idle
from tests.factories.workspaces import copy_workspace

PAGES = ("", "datasets", "training", "indexes", "query", "explore", "evaluate", "data_quality")
SETTLED_MS = 1500
IMPACTS = {"critical", "serious", "moderate"}
MAX_SHIFT = 0.1
"""Largest cumulative layout shift, twice that of `benchmarks.first_screen`: on a busy machine the
parts of a page come one by one."""

OBSERVE_SHIFTS = """
window.shift = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def filled(
    made: Path, tmp_path_factory: pytest.TempPathFactory, start_workbench: Callable[..., Workbench]
) -> Workbench:
    """A server on a workspace with everything from a dataset to an analysis."""
    home = tmp_path_factory.mktemp("filled") / "home"
    workspace: Workspace = copy_workspace(made, home)
    [index] = read_lineage(workspace).indexes
    finish(evaluate(workspace, EvaluateConfig(index=index.id)))
    finish(build_map(workspace, MapConfig(index=index.id, method=MapMethod.PCA)))
    finish(analyze(workspace, AnalysisConfig(index=index.id, neighbors=5, min_cluster_size=5)))
    return start_workbench(home)


def check(browser: Browser, workbench: Workbench, path: str) -> None:
    """Open a page; expect hardly any layout shift, and no violation in light and in dark."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    context.add_init_script(OBSERVE_SHIFTS)
    page = open_page(context.new_page(), workbench, path)
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_timeout(SETTLED_MS)  # Components fill themselves after the page is drawn
    wait_idle(page)
    shift = page.evaluate("window.shift")
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(SETTLED_MS)
    wait_idle(page)
    found += [f"dark: {each}" for each in violations(page)]
    context.close()
    assert found == []
    assert shift <= MAX_SHIFT


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on a page, with the elements."""
    return [
        f"{each['impact']} {each['id']}: {node['html'][:200]}"
        for each in Axe().run(page).response["violations"]
        if each["impact"] in IMPACTS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("path", PAGES)
def test_a_filled_page_is_accessible_and_does_not_jump(
    browser: Browser, filled: Workbench, path: str
) -> None:
    check(browser, filled, path)


@pytest.mark.parametrize("path", PAGES)
def test_an_empty_page_is_accessible_and_does_not_jump(
    browser: Browser, workbench: Workbench, path: str
) -> None:
    check(browser, workbench, path)
