"""Indexes and embeddings as files for use without this app."""

import errno
import zipfile
from pathlib import Path

import faiss
import numpy as np
import pandas as pd
import pytest

from core import cli
from core.artifacts.exports import exported_file
from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.errors import DamagedArtifactError, MissingError
from core.indexes.config import IndexConfig
from core.indexes.export import export_index
from core.indexes.files import build_index
from core.indexes.info import ExportFormat, file_name
from core.progress import finish
from core.workspace import Workspace
from tests.factories.embeddings import clusters, embedded_set


@pytest.fixture
def index(workspace: Workspace) -> Manifest:
    embeddings = embedded_set(workspace, 300)
    return finish(build_index(workspace, embeddings.id, IndexConfig(kind="hnsw")))


def unpacked(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    return folder


def test_an_exported_index_is_opened_by_faiss_alone(
    workspace: Workspace, index: Manifest, tmp_path: Path
) -> None:
    path = finish(export_index(workspace, index.id, ExportFormat.INDEX))
    folder = unpacked(path, tmp_path / "out")
    opened = faiss.read_index(str(folder / "index.faiss"))
    image_ids = np.load(folder / "image_ids.npy")
    _, rows = opened.search(clusters(300)[:5], 1)
    assert image_ids[rows[:, 0]].tolist() == [1, 2, 3, 4, 5]
    assert index.id in (folder / "README.txt").read_text()


def test_exported_embeddings_are_arrays(
    workspace: Workspace, index: Manifest, tmp_path: Path
) -> None:
    path = finish(export_index(workspace, index.id, ExportFormat.NPY))
    folder = unpacked(path, tmp_path / "out")
    np.testing.assert_array_equal(np.load(folder / "vectors.npy"), clusters(300))
    assert np.load(folder / "image_ids.npy").tolist() == list(range(1, 301))


def test_exported_embeddings_are_a_table(
    workspace: Workspace, index: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.indexes.export.BLOCK", 128)
    path = finish(export_index(workspace, index.id, ExportFormat.PARQUET))
    table = pd.read_parquet(path)
    assert list(table.columns) == ["image_id", "path", "label", "split", "embedding"]
    assert table["path"].tolist()[:2] == ["0.png", "1.png"]
    assert table["label"].tolist()[:2] == ["class 0", "class 1"]
    np.testing.assert_array_equal(np.stack(table["embedding"].tolist()), clusters(300))


def test_an_export_is_reused_until_its_index_changes(workspace: Workspace, index: Manifest) -> None:
    name = file_name(index, ExportFormat.INDEX)
    assert exported_file(workspace, index, name) is None
    path = finish(export_index(workspace, index.id, ExportFormat.INDEX))
    assert exported_file(workspace, index, name) == path
    delete_artifact(workspace.indexes, index.id)
    again = finish(build_index(workspace, index.made_from["embeddings"], IndexConfig()))
    assert exported_file(workspace, again, file_name(again, ExportFormat.INDEX)) is None


def test_without_its_embeddings_only_the_index_can_be_exported(
    workspace: Workspace, index: Manifest
) -> None:
    delete_artifact(workspace.embeddings, index.made_from["embeddings"])
    with pytest.raises(MissingError):
        finish(export_index(workspace, index.id, ExportFormat.NPY))
    assert finish(export_index(workspace, index.id, ExportFormat.INDEX)).is_file()


def test_a_damaged_index_is_not_exported(workspace: Workspace, index: Manifest) -> None:
    path = workspace.indexes / index.id / "index.faiss"
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedArtifactError, match=r"index\.faiss is damaged"):
        finish(export_index(workspace, index.id, ExportFormat.INDEX))
    assert not any(workspace.exports.rglob("*.zip"))


def test_a_full_disk_raises_an_error_and_leaves_no_partial_index(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    embeddings = embedded_set(workspace, 300)

    def full(path: Path, write: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("core.indexes.faiss_store.write_atomically", full)
    asked = ["index", "--embeddings", embeddings.id, "--home", str(workspace.home)]
    assert cli.main(asked) == 1
    assert "The disk is full. Make room, then start this again" in capsys.readouterr().err
    assert list(workspace.indexes.iterdir()) == []
