"""Indexes and embeddings as files for use without this app."""

import errno
import zipfile
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pandas as pd
import pytest

from core import cli
from core.artifacts.exports import exported_file
from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest, read_manifest, verify_files
from core.datasets.registry import delete_dataset
from core.embeddings.files import open_embeddings
from core.errors import DamagedArtifactError, MissingError
from core.indexes.config import IndexConfig, Metric
from core.indexes.export import export_index
from core.indexes.files import build_index, open_index, publish_index
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


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_the_snippet_finds_paths_and_labels_and_leaves_out_what_is_no_match(
    workspace: Workspace, tmp_path: Path, metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    embeddings = embedded_set(workspace, 300)
    config = IndexConfig(kind="ivf", nlist=64, nprobe=1, metric=Metric(metric))
    built = finish(build_index(workspace, embeddings.id, config))
    opened = open_index(workspace, built.id, writable=True)
    opened.store.remove(np.array([3]))
    source = open_embeddings(workspace, embeddings.id)
    index = finish(publish_index(workspace, source, opened.store, config, summary={}))
    path = finish(export_index(workspace, index.id, ExportFormat.INDEX))
    folder = unpacked(path, tmp_path / "out")
    readme = (folder / "README.txt").read_text()
    code = "\n".join(line[4:] for line in readme.splitlines() if line.startswith("    "))
    queries = clusters(300)[[0, 2]]
    found: dict[str, Any] = {"queries": queries}
    monkeypatch.chdir(folder)
    exec(code, found)
    first, third = found["matches"]
    assert (found["rows"] < 0).any()  # Lists of four images have no ten matches
    assert first.iloc[0].to_dict() == {"path": "0.png", "label": "class 0", "split": ""}
    assert 3 not in third.index
    assert len(first) == (found["ids"][0] >= 0).sum()
    best = 1 - found["scores"][0, 0] / 2 if metric == "l2" else found["scores"][0, 0]
    assert best == pytest.approx(1, abs=1e-5)
    assert ("1 - scores / 2" in readme) == (metric == "l2")


def test_an_index_whose_dataset_is_gone_is_exported_with_ids_only(
    workspace: Workspace, index: Manifest, tmp_path: Path
) -> None:
    delete_dataset(workspace, index.made_from["dataset"])
    path = finish(export_index(workspace, index.id, ExportFormat.INDEX))
    lines = (unpacked(path, tmp_path / "out") / "images.csv").read_text().splitlines()
    assert lines[:2] == ["image_id,path,label,split", "1,,,"]


def test_an_updated_index_is_exported_as_any_other(
    workspace: Workspace, index: Manifest, tmp_path: Path
) -> None:
    opened = open_index(workspace, index.id, writable=True)
    source = open_embeddings(workspace, opened.embeddings)
    config = IndexConfig(**index.config)
    work = publish_index(workspace, source, opened.store, config, summary={}, replaces=index)
    updated = finish(work)
    assert updated.summary["version"] == 2
    folder = unpacked(
        finish(export_index(workspace, index.id, ExportFormat.INDEX)), tmp_path / "out"
    )
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    assert "version" not in manifest.summary
    assert faiss.read_index(str(folder / "index.faiss")).ntotal == 300


def test_exported_embeddings_are_arrays(
    workspace: Workspace, index: Manifest, tmp_path: Path
) -> None:
    path = finish(export_index(workspace, index.id, ExportFormat.NPY))
    folder = unpacked(path, tmp_path / "out")
    np.testing.assert_array_equal(np.load(folder / "vectors.npy"), clusters(300))
    assert np.load(folder / "image_ids.npy").tolist() == list(range(1, 301))
    images = pd.read_csv(folder / "images.csv", dtype={"label": str}, keep_default_na=False)
    assert images["image_id"].tolist() == list(range(1, 301))
    assert images.loc[9].to_dict() == {
        "image_id": 10, "path": "9.png", "label": "class 1", "split": ""
    }  # fmt: skip


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
    assert "The disk is full. Free disk space, then start again" in capsys.readouterr().err
    assert list(workspace.indexes.iterdir()) == []
