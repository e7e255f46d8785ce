"""Browser tests: a real server, a real Chromium, skipped with the reason where there is none."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from core.workspace import Workspace
from tests.browser.chromium import SOFTWARE_WEBGL, find_chromium
from tests.browser.workbench import PageProblems, Workbench

HERE = Path(__file__).parent
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker("browser")
    if not ours or find_chromium():
        return
    reason = "no Chromium here: name one with CHROMIUM=/path/to/chromium"
    if os.environ.get("REQUIRE_BROWSER") == "1":
        raise pytest.UsageError(f"REQUIRE_BROWSER=1, but {reason}")
    for item in ours:
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    as_root = hasattr(os, "geteuid") and os.geteuid() == 0
    sandbox = ["--no-sandbox"] if as_root else []
    return browser_type_launch_args | {
        "executable_path": find_chromium(),
        "args": [*browser_type_launch_args.get("args", []), *QUIET, *SOFTWARE_WEBGL, *sandbox],
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return browser_context_args | {"viewport": {"width": 1440, "height": 900}}


@pytest.fixture
def full(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of `made` that a server opens, with a network that the server can build."""
    from tests.factories.workspaces import copy_workspace

    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return copy_workspace(made, tmp_path / "home")


@pytest.fixture(scope="module")
def start_workbench(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Workbench]]:
    """Starts servers: `start_workbench(home=None, **environment)`, a new home unless one is given.

    All end with the test file, their jobs too.
    """
    started: list[Workbench] = []

    def start(home: Path | None = None, **environment: str) -> Workbench:
        workbench = Workbench(home or tmp_path_factory.mktemp("home"), environment)
        started.append(workbench)
        return workbench

    yield start
    for workbench in started:
        workbench.close()


@pytest.fixture(scope="module")
def workbench(start_workbench: Callable[..., Workbench]) -> Workbench:
    """A server on an empty home, shared by the tests of one file."""
    return start_workbench()


@pytest.fixture(scope="module")
def module_context(
    browser: Browser, browser_context_args: dict[str, Any]
) -> Iterator[BrowserContext]:
    """A browser profile for the tests of one file: only the first page loads Streamlit's files."""
    context = browser.new_context(**browser_context_args)
    yield context
    context.close()


@pytest.fixture
def page(module_context: BrowserContext) -> Iterator[Page]:
    """A page without what earlier tests have stored in the browser."""
    page = module_context.new_page()
    yield page
    module_context.clear_permissions()
    page.evaluate("try { localStorage.clear() } catch {}")  # Not accessible on an empty page
    for each in module_context.pages:
        each.close()


@pytest.fixture
def page_problems(page: Page) -> PageProblems:
    """What goes wrong inside `page`; ask for it before the page is opened."""
    return PageProblems(page)


@pytest.fixture
def sound_page(page: Page, page_problems: PageProblems) -> Iterator[Page]:
    """A page whose test fails if a script in it raises what nothing catches."""
    yield page
    if page_problems.uncaught:
        print("The server had sent:", *page_problems.before, sep="\n  ")
    assert page_problems.uncaught == []
