"""The sources of a quick start: a folder, a zip, the sample dataset, and names that are taken."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.artifacts.manifests import Manifest
from core.cli import main
from core.datasets.registry import open_dataset
from core.pipeline.stages import Stage
from core.progress import Work
from core.workspace import Workspace
from tests.factories.images import class_folders


@pytest.fixture(autouse=True)
def imports_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the first stages alone."""

    def first_stages(
        workspace: Workspace, name: str, first: Sequence[Stage] = ()
    ) -> Work[dict[str, Manifest]]:
        made: dict[str, Manifest] = {}
        for stage in first:
            yield from stage.run(made)
        return made

    monkeypatch.setattr("core.pipeline.quickstart.quickstart", first_stages)


def quickstart(workspace: Workspace, *arguments: str) -> int:
    return main(["quickstart", *arguments, "--home", str(workspace.home)])


def test_a_zip_is_imported_and_removed(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=3, blue=3)
    archive = tmp_path / "in.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for path in root.rglob("*.png"):
            packed.write(path, path.relative_to(root))
    assert quickstart(workspace, str(archive), "--remove", "--name", "x") == 0
    assert open_dataset(workspace, "x").catalog.labels() == ["blue", "red"]
    assert not archive.exists()


@pytest.mark.slow
def test_the_sample_dataset_is_imported_once(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.commands.pipeline.SAMPLE_PER_CLASS", 1)
    for _ in range(2):
        assert quickstart(workspace, "--source", "sample", "--name", "x") == 0
    assert open_dataset(workspace, "x").catalog.count() == 12
    assert quickstart(workspace, "--source", "caltech101", "--name", "x") == 1
    folder = class_folders(tmp_path / "in", red=3)
    assert quickstart(workspace, str(folder), "--name", "x") == 1


def test_a_path_and_another_source_are_wrong_usage(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="2"):
        quickstart(workspace, str(tmp_path), "--source", "sample", "--name", "x")
