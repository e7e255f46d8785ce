"""Indexes on a Milvus server: all that needs no server."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.artifacts.folders import draft, list_artifacts, publish
from core.artifacts.manifests import Manifest
from core.cli import main
from core.errors import WorkbenchError
from core.indexes.config import IndexConfig, Metric, StoreName, kinds_in
from core.indexes.deletion import delete_index
from core.indexes.files import build_index, open_index
from core.indexes.milvus.address import TOKEN, URI, MilvusAddress, milvus_address
from core.indexes.milvus.collection import (
    Collection,
    collection_name,
    marks_of,
)
from core.indexes.milvus.filters import ids_filter, labels_filter
from core.indexes.milvus.rows import Rows
from core.indexes.milvus.sync import _differences
from core.lineage.graph import delete_with_dependents
from core.progress import finish
from core.workspace import PROJECT, Workspace
from tests.factories.embeddings import DATASET, clusters, embedded_set

NOWHERE = "http://127.0.0.1:1"
"""Where no server can be: port 1 is nobody's."""

ON_MILVUS = IndexConfig(store=StoreName.MILVUS)


@pytest.fixture(autouse=True)
def no_address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("core.indexes.milvus.address.SECRETS", tmp_path / "none.toml")
    monkeypatch.delenv(URI, raising=False)
    monkeypatch.delenv(TOKEN, raising=False)


def index_on_milvus(workspace: Workspace) -> Manifest:
    """An index whose collection no server has."""
    embeddings = embedded_set(workspace, 20)
    with draft(workspace.indexes) as folder:
        return publish(
            folder,
            kind="index",
            stem="far",
            config={"kind": "flat", "metric": "cosine", "store": "milvus"},
            made_from=embeddings.made_from
            | {"embeddings": embeddings.id, "embeddings_fingerprint": embeddings.fingerprint},
            summary={
                "count": 20,
                "dimension": 16,
                "num_problems": 0,
                "size_bytes": 0,
                "collection": "workbench_far",
                "nlist": 0,
                "code_bytes": 0,
            },
        )


def test_the_environment_names_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    assert milvus_address(secrets) is None
    secrets.write_text(f'{URI} = "https://far.example:443"\n{TOKEN} = "hush"\n')
    found = milvus_address(secrets)
    assert found == MilvusAddress(uri="https://far.example:443", token="hush")
    monkeypatch.setenv(URI, "http://root:hush@near.example:19530")
    near = milvus_address(secrets)
    assert near is not None
    assert (near.token, near.shown) == ("", "near.example:19530")


def test_an_address_is_printed_without_secrets() -> None:
    address = MilvusAddress(uri="http://root:hush@near.example:19530", token="hush")
    assert "hush" not in f"{address} {address!r} {address.shown}"


@pytest.mark.parametrize(
    "uri", ["somewhere", "./data.db", "http://", "http://host", "ftp://host:1", "http://host:x"]
)
def test_an_invalid_address_is_refused(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(URI, uri)
    with pytest.raises(WorkbenchError, match=r"is no address of a Milvus server. Write it as"):
        milvus_address()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no toml", "secrets.toml cannot be read"),
        (b"\xff", "secrets.toml cannot be read"),
        (f"{URI} = 5".encode(), "must be text. Put quotes around them"),
    ],
)
def test_unreadable_secrets_raise_an_error(content: bytes, said: str, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.toml"
    secrets.write_bytes(content)
    with pytest.raises(WorkbenchError, match=said):
        milvus_address(secrets)


def test_kinds_that_milvus_lacks_are_refused() -> None:
    kinds = kinds_in(StoreName.MILVUS)
    assert kinds == ["flat", "hnsw", "ivf", "ivf_pq", "sq8"]
    assert [IndexConfig(kind=kind, store=StoreName.MILVUS).kind for kind in kinds] == kinds
    with pytest.raises(ValueError, match="milvus has no opq_ivf_pq; choose flat, hnsw, ivf"):
        IndexConfig(kind="opq_ivf_pq", store=StoreName.MILVUS)
    with pytest.raises(ValueError, match="milvus has no factory"):
        IndexConfig(kind="factory", factory="Flat", store=StoreName.MILVUS)


def test_a_config_without_a_store_means_faiss() -> None:
    saved: dict[str, Any] = {"kind": "flat", "metric": "cosine"}
    assert IndexConfig(**saved).store == StoreName.FAISS


def test_the_command_says_that_no_server_is_configured(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    embeddings = embedded_set(workspace, 20)
    command = ["index", "--home", str(workspace.home), "--embeddings", embeddings.id]
    assert main([*command, "--store", "milvus"]) == 1
    said = capsys.readouterr().err
    assert f"No Milvus server is configured. Set {URI}" in said
    with pytest.raises(SystemExit) as ended:
        main([*command, "--store", "milvus", "--kind", "opq_ivf_pq"])
    assert ended.value.code == 2


def test_without_pymilvus_the_error_says_what_to_install() -> None:
    script = f"""
import sys
sys.modules["pymilvus"] = None  # As if it were not installed
from core.indexes.milvus.address import MilvusAddress
from core.indexes.milvus.calls import call
call(MilvusAddress(uri="{NOWHERE}"), lambda client: None)
"""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert "Install it: pip install -r requirements-scale.txt" in ended.stderr


@pytest.mark.slow
def test_pymilvus_is_imported_only_at_the_first_call() -> None:
    script = """
import sys
import core.indexes.files, core.indexes.update, core.indexes.deletion
print("pymilvus" in sys.modules, "grpc" in sys.modules)
"""
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.stdout.split()[0] == "False", ended.stderr


def test_an_index_on_a_server_cannot_be_opened_without_an_address(workspace: Workspace) -> None:
    index = index_on_milvus(workspace)
    with pytest.raises(WorkbenchError, match="No Milvus server is configured"):
        open_index(workspace, index.id)


def test_an_index_of_an_unavailable_server_is_deleted_with_a_notice(
    workspace: Workspace,
) -> None:
    index = index_on_milvus(workspace)
    left = delete_index(workspace, index.id)
    assert left.startswith("Its vectors stay on the server, as the collection workbench_far.")
    assert list_artifacts(workspace.indexes) == ([], [])


def test_deleting_a_dataset_returns_what_stays_on_a_server(workspace: Workspace) -> None:
    index_on_milvus(workspace)
    [left] = delete_with_dependents(workspace, DATASET, delete_index)
    assert "as the collection workbench_far" in left


def test_deleting_a_file_index_leaves_nothing(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 20)
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    assert index.config["store"] == "faiss"
    assert delete_index(workspace, index.id) == ""
    assert list_artifacts(workspace.indexes) == ([], [])


def test_the_name_of_a_collection_is_deterministic() -> None:
    name = collection_name("abc", ON_MILVUS)
    assert name == collection_name("abc", IndexConfig(store=StoreName.MILVUS))
    others = [
        collection_name("abd", ON_MILVUS),
        collection_name("abc", IndexConfig(store=StoreName.MILVUS, metric=Metric.L2)),
        collection_name("abc", ON_MILVUS, 2),
    ]
    assert len({name, *others}) == 4
    assert name.isidentifier()  # What Milvus takes


def test_classes_of_any_name_are_quoted() -> None:
    assert labels_filter(['a"b', "c\\d", "é", "e\nf"]) == r'label in ["a\"b", "c\\d", "é", "e\nf"]'
    assert ids_filter(np.array([3, 1])) == "id in [3, 1]"


def test_marks_differ_by_embedding_and_class() -> None:
    points = clusters(3)
    marks = marks_of(points, ["a", "a", "b"])
    assert marks.shape == (3,)
    assert marks.dtype == np.int64
    assert len(set(marks.tolist())) == 3
    relabeled = marks_of(points, ["a", "b", "b"])
    assert (relabeled == marks).tolist() == [True, False, True]


def test_missing_wrong_duplicate_and_extra_rows_are_found() -> None:
    wanted = np.array([1, 2, 3, 4, 5])
    marks = np.array([10, 20, 30, 40, 50])
    # 1 is right, 2 has another mark, 3 is missing, 4 is there twice, 5 is right, 9 does not belong
    there = Rows(np.array([9, 4, 5, 4, 2, 1]), np.array([90, 40, 50, 40, 21, 10]))
    missing, extra = _differences(there, wanted, marks)
    assert wanted[missing].tolist() == [2, 3, 4]
    assert extra.tolist() == [4, 9]
    nothing = Rows(np.empty(0, np.int64), np.empty(0, np.int64))
    assert _differences(nothing, wanted, marks)[0].tolist() == [0, 1, 2, 3, 4]


def collection(config: IndexConfig, nlist: int = 0, code_bytes: int = 0) -> Collection:
    return Collection(
        address=MilvusAddress(uri=NOWHERE),
        name="some",
        dimension=16,
        config=config,
        nlist=nlist,
        code_bytes=code_bytes,
    )


@pytest.mark.parametrize(
    ("kind", "index_type", "params", "searched"),
    [
        ("flat", "FLAT", {}, {}),
        ("hnsw", "HNSW", {"M": 32, "efConstruction": 200}, {"ef": 64}),
        ("ivf", "IVF_FLAT", {"nlist": 100}, {"nprobe": 13}),  # An eighth, rounded up
        ("ivf_pq", "IVF_PQ", {"nlist": 100, "m": 4, "nbits": 8}, {"nprobe": 13}),
        ("sq8", "IVF_SQ8", {"nlist": 1}, {"nprobe": 1}),  # It compares with every image
    ],
)
def test_each_kind_has_its_type_and_parameters_in_milvus(
    kind: str, index_type: str, params: dict[str, int], searched: dict[str, int]
) -> None:
    config = IndexConfig(kind=kind, store=StoreName.MILVUS)
    nlist, code = params.get("nlist", 0), params.get("m", 0)
    made = collection(config, nlist=nlist, code_bytes=code)
    assert made.index_settings["index_type"] == index_type
    assert made.index_settings["metric_type"] == "IP"
    assert made.index_settings["params"] == params
    assert made.search_params(10, None) == searched


def test_hnsw_has_no_fewer_candidates_than_results() -> None:
    graph = collection(IndexConfig(kind="hnsw", store=StoreName.MILVUS))
    assert graph.search_params(500, None) == {"ef": 500}
    assert graph.search_params(10, 128) == {"ef": 128}
    groups = collection(IndexConfig(kind="ivf", store=StoreName.MILVUS), nlist=8)
    assert groups.search_params(10, 4096) == {"nprobe": 8}
