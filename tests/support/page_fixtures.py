"""Homes for page tests, and a person's way through the pages."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import open_dataset, write_roots
from core.datasets.splits import SplitConfig
from core.embeddings.files import embed_dataset
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.progress import finish
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import PROJECT, Workspace
from state import resources
from tests.factories.images import class_folders

Open = Callable[[str], AppTest]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a dataset, an untrained model and an index; copied for each test."""
    home = tmp_path_factory.mktemp("made")
    workspace = Workspace(home)
    root = class_folders(home / "images", red=10, green=10, blue=10)
    finish(add_folder(workspace, "colors", Source(root=root), SplitConfig()))
    config = TrainConfig(
        dataset="colors",
        backbone="vgg16_bn",
        weights="none",
        trainable_blocks=5,
        image_size=32,
        epochs=0,
    )
    model = finish(train(workspace, config))
    embeddings = finish(embed_dataset(workspace, "colors", model.id))
    finish(build_index(workspace, embeddings.id, IndexConfig()))
    return home


@pytest.fixture
def full(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    workspace = Workspace(tmp_path / "home")
    shutil.copytree(made, workspace.home)
    dataset = open_dataset(workspace, "colors")
    write_roots(dataset, [replace(root, path=workspace.home / "images") for root in dataset.roots])
    monkeypatch.setenv("WORKBENCH_HOME", str(workspace.home))
    return workspace


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return Workspace(tmp_path / "home")


@pytest.fixture
def visit() -> Open:
    def open_page(name: str) -> AppTest:
        app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60).run()
        if name:
            app.switch_page(f"pages/{name}.py").run()
        assert not app.exception
        return app

    return open_page


def said_in_passing(app: AppTest) -> str:
    """What the page says for some seconds only."""
    [toast] = app.toast
    return str(toast.value).replace("\\", "")


def texts(app: AppTest) -> str:
    """Everything that a person reads on the page."""
    elements = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.title]
    return "\n".join(str(element.value) for element in elements)


def last_job() -> tuple[str, ...]:
    """The arguments of the job that was started last."""
    return resources.jobs().views()[0].record.arguments


def wait_for_jobs() -> None:
    """Let all jobs end."""
    for view in resources.jobs().active():
        resources.jobs().wait(view.record.id, 60)


def stop_jobs() -> None:
    """Stop all jobs and wait for their end."""
    for view in resources.jobs().active():
        resources.jobs().stop(view.record.id)
        resources.jobs().wait(view.record.id, 60)
