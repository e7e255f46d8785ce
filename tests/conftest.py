"""What every test starts from: fixed seeds, empty caches, a workspace of its own."""

import gc
import logging
import os
import random
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.images.process_pool import shared_pool
from core.workspace import Workspace
from tests.support import processes

SEED = 1234

# Two processes share two cores, and networks are small
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Stories wait for jobs, while browsers of other processes take all that they can
os.environ.setdefault("WORKBENCH_JOB_NICENESS", "0")

pytest_plugins = ["tests.support.fixtures", "tests.support.milvus_fixtures"]


@pytest.fixture(scope="session", autouse=True)
def no_process_left_behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fails the run if a server, a browser or a job that it started is still there at its end."""
    run = secrets.token_hex(8)
    os.environ[processes.MARKER] = run
    yield
    temporary = tmp_path_factory.getbasetemp()
    left = processes.wait_until_gone(run, temporary, grace=10)
    named = [processes.describe(process) for process in left]
    processes.end(left)
    if named:
        pytest.fail("the tests left processes behind:\n" + "\n".join(named), pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def decoders_end(no_process_left_behind: None) -> Iterator[None]:
    """The processes that decode images are kept until the end of a run."""
    yield
    shared_pool().close()


@pytest.fixture(scope="session", autouse=True)
def nothing_waits_for_the_disk() -> Iterator[None]:
    """What tests write need not outlast a power failure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(autouse=True)
def seeds() -> None:
    random.seed(SEED)
    np.random.seed(SEED)  # what umap and scikit-learn fall back on
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(SEED)  # torch.manual_seed takes 5 ms without a GPU
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(SEED)


@pytest.fixture(autouse=True)
def empty_caches() -> None:
    """Streamlit's caches are shared by all sessions of a process, so by all tests."""
    if streamlit := sys.modules.get("streamlit"):
        streamlit.cache_data.clear()
        streamlit.cache_resource.clear()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace of this test's own."""
    return Workspace(tmp_path)


@pytest.fixture(scope="session")
def caltech_root() -> Path:
    """The folder of Caltech-101, one folder a category."""
    root = os.environ.get("CALTECH101_ROOT")
    if not root:
        pytest.skip("CALTECH101_ROOT is not set: no Caltech-101 here")
    folder = Path(root).expanduser()
    if not folder.is_dir():
        pytest.fail(f"CALTECH101_ROOT is {root}, which is no folder", pytrace=False)
    return folder


def pytest_collection_finish() -> None:
    """Prepare for thousands of tests in a process that has imported everything."""
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.propagate = True  # pytest attaches to each that does not, six times a test
    gc.collect()
    gc.freeze()  # Half a million objects, which no later collection needs to look at


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come first: they are the longest, and several processes end together so."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)
