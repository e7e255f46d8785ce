"""Fixtures for several folders of tests. Their imports wait: torch alone takes ten seconds."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.workspace import PROJECT, Workspace

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from tests.factories.toy import ToySet
    from tests.support.job_server import JobServer


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a dataset, an untrained model and an index; not to be changed."""
    from tests.factories.workspaces import make_workspace

    return make_workspace(tmp_path_factory.mktemp("made")).home


@pytest.fixture(scope="session")
def made_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same home with a small network, for `small_networks`; not to be changed."""
    from tests.factories.small_backbones import small_backbones
    from tests.factories.workspaces import make_workspace

    with small_backbones():
        return make_workspace(tmp_path_factory.mktemp("made")).home


@pytest.fixture(scope="module")
def small_networks() -> Iterator[None]:
    """Build small networks in place of torchvision's, in all tests of a module."""
    from tests.factories.small_backbones import small_backbones

    with small_backbones():
        yield


@pytest.fixture
def odd_decoders(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Decode images in a process that knows the files of `odd_decoder.py`."""
    from core.images import isolation
    from core.images.process_pool import DecoderPool

    pool = DecoderPool(1, "tests.support.odd_decoder")
    monkeypatch.setattr(isolation, "shared_pool", lambda: pool)
    yield
    pool.close()


@pytest.fixture(scope="session", autouse=True)
def job_server(
    request: pytest.FixtureRequest, no_process_left_behind: None
) -> Iterator["JobServer | None"]:
    """What jobs are forked from, if a test of this run wants that."""
    if not any("forked" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield None
        return
    from tests.support.job_server import JobServer

    server = JobServer()
    yield server
    server.stop()


@pytest.fixture
def forked(job_server: "JobServer", monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork jobs from a process with small networks, instead of starting Python for each."""
    monkeypatch.setattr("core.jobs.processes.launch", job_server.launch)


@pytest.fixture
def full(
    made_small: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_networks: None,
    forked: None,
) -> Workspace:
    """A copy of `made_small` that the pages open."""
    from tests.factories.workspaces import copy_workspace

    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return copy_workspace(made_small, tmp_path / "home")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forked: None) -> Workspace:
    """An empty workspace that the pages open."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return Workspace(tmp_path / "home")


@pytest.fixture
def toy(workspace: Workspace, tmp_path: Path) -> "ToySet":
    """A small dataset with embeddings on the unit circle."""
    from tests.factories.toy import make_toy_set

    return make_toy_set(workspace, tmp_path / "in")


@pytest.fixture
def visit() -> "Callable[[str], AppTest]":
    """Open a page through Home.py."""
    from streamlit.testing.v1 import AppTest

    def open_page(name: str) -> AppTest:
        app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
        if name:  # Its address was opened: the first page is not drawn before
            app.switch_page(f"pages/{name}.py")
        app.run()
        assert not app.exception
        return app

    return open_page


@pytest.fixture(scope="session")
def components_scanned_once() -> Iterator[None]:
    """Let Streamlit look for components once, and not in each test's new runtime.

    It reads the metadata of every installed package: half of a page test's time.
    """
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        scan = cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", scan)
        yield
