"""Indexes on a real Milvus server, and what becomes of them when it or a job is killed."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import MANIFEST, Manifest
from core.artifacts.titles import read_title, write_title
from core.datasets.curation import relabel
from core.datasets.importing.scan import rescan
from core.datasets.registry import open_dataset
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import WorkbenchError
from core.indexes.build import build
from core.indexes.config import IndexConfig, StoreName
from core.indexes.deletion import delete_index
from core.indexes.export import export_index
from core.indexes.files import build_index, open_index
from core.indexes.info import ExportFormat
from core.indexes.milvus import calls
from core.indexes.milvus.address import TOKEN, URI, MilvusAddress
from core.indexes.milvus.calls import call
from core.indexes.milvus.rows import all_rows, delete_rows, send
from core.indexes.milvus.store import MilvusStore
from core.indexes.update import update_index
from core.lineage.graph import DATASET_CHANGED, read_lineage
from core.progress import Progress, finish
from core.workspace import PROJECT, Workspace
from tests.factories.embeddings import embedded_set
from tests.factories.images import speckled
from tests.milvus.server import MilvusServer
from tests.support.processes import wait_for

pytestmark = pytest.mark.milvus

ON_MILVUS = IndexConfig(store=StoreName.MILVUS)
TOKENS = "a-token-that-nobody-may-see"


@pytest.fixture
def embedded(workspace: Workspace, milvus: MilvusServer) -> Iterator[Manifest]:
    """2,000 embeddings of 16 dimensions; their collections are dropped afterwards."""
    del milvus
    yield embedded_set(workspace, 2000)
    for index in list_artifacts(workspace.indexes)[0]:
        delete_index(workspace, index.id)


def store_of(workspace: Workspace, index: Manifest) -> MilvusStore:
    store = open_index(workspace, index.id).store
    assert isinstance(store, MilvusStore)
    return store


def assert_holds_just(store: MilvusStore, embeddings: Embeddings) -> None:
    """Each image is there once, and matches are those of exact search."""
    ids = finish(all_rows(store.collection, embeddings.image_ids)).image_ids
    assert sorted(ids.tolist()) == embeddings.image_ids.tolist()
    assert store.count == len(embeddings.image_ids)
    exact = finish(build(embeddings.vectors, embeddings.image_ids, IndexConfig()))
    queries = np.ascontiguousarray(embeddings.vectors[:50])
    for found, wanted in zip(store.search(queries, 10), exact.search(queries, 10), strict=True):
        assert found.image_ids.tolist() == wanted.image_ids.tolist()
        np.testing.assert_allclose(found.similarities, wanted.similarities, atol=1e-5)


def test_an_index_is_built_searched_exported_and_deleted(
    workspace: Workspace, embedded: Manifest
) -> None:
    index = finish(build_index(workspace, embedded.id, ON_MILVUS))
    embeddings = open_embeddings(workspace, embedded.id)
    store = store_of(workspace, index)
    assert (index.summary["count"], index.summary["dimension"]) == (2000, 16)
    assert_holds_just(store, embeddings)
    [found] = store.search(embeddings.vectors[:1], 5, labels=("class 3",))
    assert {image_id % 8 for image_id in (found.image_ids - embeddings.image_ids[3]).tolist()} == {
        0
    }
    with pytest.raises(WorkbenchError, match="is on a Milvus server, so there is no file"):
        finish(export_index(workspace, index.id, ExportFormat.INDEX))
    assert finish(export_index(workspace, index.id, ExportFormat.NPY)).is_file()
    with pytest.raises(WorkbenchError, match="is on a Milvus server, so there is no file"):
        open_index(workspace, index.id).faiss.write(Path("nowhere"))

    assert delete_index(workspace, index.id) == ""
    with pytest.raises(WorkbenchError, match=r"no longer has this index. Build it again"):
        store.search(embeddings.vectors[:1], 1)


def test_two_equal_indexes_do_not_share_a_collection(
    workspace: Workspace, embedded: Manifest
) -> None:
    first = finish(build_index(workspace, embedded.id, ON_MILVUS))
    second = finish(build_index(workspace, embedded.id, ON_MILVUS))
    assert delete_index(workspace, first.id) == ""
    assert_holds_just(store_of(workspace, second), open_embeddings(workspace, embedded.id))


@pytest.mark.parametrize("kind", ["hnsw", "ivf", "ivf_pq", "sq8"])
def test_other_kinds_agree_with_exact_search(
    workspace: Workspace, embedded: Manifest, kind: str
) -> None:
    config = IndexConfig(kind=kind, store=StoreName.MILVUS, nlist=8, nprobe=8)
    index = finish(build_index(workspace, embedded.id, config))
    embeddings = open_embeddings(workspace, embedded.id)
    exact = finish(build(embeddings.vectors, embeddings.image_ids, IndexConfig()))
    queries = np.ascontiguousarray(embeddings.vectors[:100])
    store = store_of(workspace, index)
    pairs = zip(store.search(queries, 10), exact.search(queries, 10), strict=True)
    shares = [np.isin(found.image_ids, wanted.image_ids).mean() for found, wanted in pairs]
    recall = float(np.mean(shares))
    if kind == "ivf_pq":
        assert 0.3 < recall < 0.99  # Codes lose some: searches go through them, not around them
    else:
        assert recall > 0.95
    settings: dict[str, Any] = call(
        store.collection.address,
        lambda client: client.describe_index(store.collection.name, "vector"),
    )
    assert (settings["indexed_rows"], settings["pending_index_rows"]) == (2000, 0)


def test_a_server_killed_during_an_insert_loses_and_duplicates_nothing(
    workspace: Workspace, embedded: Manifest, milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.indexes.milvus.rows.MAX_ROWS", 100)  # 20 calls
    work = build_index(workspace, embedded.id, ON_MILVUS)
    waited = 0
    restart: threading.Timer | None = None
    try:
        while True:
            event = next(work)
            if not isinstance(event, Progress):
                continue
            if event.note == "sending vectors" and event.done == 700 and restart is None:
                milvus.kill()
                assert list_artifacts(workspace.indexes) == ([], [])
                restart = threading.Timer(3, milvus.start, kwargs={"wait": False})
                restart.start()
            waited += "waiting for the Milvus server" in event.note
    except StopIteration as end:
        index = end.value
    assert restart is not None
    restart.join()
    assert waited > 5
    assert_holds_just(store_of(workspace, index), open_embeddings(workspace, embedded.id))


def test_a_killed_job_continues_where_it_was(
    workspace: Workspace, embedded: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.indexes.milvus.rows.MAX_ROWS", 100)
    work = build_index(workspace, embedded.id, ON_MILVUS)
    for event in work:
        if isinstance(event, Progress) and (event.note, event.done) == ("sending vectors", 700):
            break
    work.close()
    assert list_artifacts(workspace.indexes) == ([], [])

    work, sent = build_index(workspace, embedded.id, ON_MILVUS), []
    try:
        while True:
            event = next(work)
            if isinstance(event, Progress) and event.note == "sending vectors":
                sent.append((event.done, event.total))
    except StopIteration as end:
        index = end.value
    assert sent[-1] == (1300, 1300)  # 700 of 2,000 were there
    assert_holds_just(store_of(workspace, index), open_embeddings(workspace, embedded.id))


def test_a_command_that_is_killed_is_run_again(workspace: Workspace, embedded: Manifest) -> None:
    command = [sys.executable, "-m", "core", "index", "--home", str(workspace.home)]
    command += ["--embeddings", embedded.id, "--store", "milvus"]
    with (workspace.home / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=PROJECT, stderr=log)
        wait_for(lambda: "vectors" in (workspace.home / "log").read_text(), timeout=60)
        process.kill()
        process.wait()
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    [index], _ = list_artifacts(workspace.indexes)
    assert ended.stdout.startswith(index.id)
    assert_holds_just(store_of(workspace, index), open_embeddings(workspace, embedded.id))


def test_extra_rows_are_deleted_and_wrong_ones_sent_again(
    workspace: Workspace, embedded: Manifest
) -> None:
    index = finish(build_index(workspace, embedded.id, ON_MILVUS))
    embeddings = open_embeddings(workspace, embedded.id)
    store = store_of(workspace, index)
    vectors, ids = embeddings.vectors, embeddings.image_ids
    finish(send(store.collection, -vectors[:3], ids[:3], ["", "", ""]))
    finish(send(store.collection, vectors[:2], np.array([99_001, 99_002]), ["", ""]))
    finish(delete_rows(store.collection, ids[10:15]))
    call(
        store.collection.address,
        lambda client: client.insert(  # As somebody might who does not know of upserting
            store.collection.name,
            [{"id": int(embeddings.image_ids[20]), "label": "", "mark": 1, "vector": [1.0] * 16}],
        ),
    )
    # Nothing of its dataset has changed, so it is brought up by being built again
    (workspace.indexes / index.id / MANIFEST).unlink()
    again = finish(build_index(workspace, embedded.id, ON_MILVUS))
    assert again.summary["collection"] == index.summary["collection"]
    assert_holds_just(store_of(workspace, again), embeddings)


def test_a_collection_that_was_released_is_loaded_for_a_search(
    workspace: Workspace, embedded: Manifest
) -> None:
    index = finish(build_index(workspace, embedded.id, ON_MILVUS))
    embeddings = open_embeddings(workspace, embedded.id)
    store = store_of(workspace, index)
    call(
        store.collection.address,
        lambda client: client.release_collection(store.collection.name),
    )
    [found] = store.search(embeddings.vectors[:1], 1)
    assert found.image_ids.tolist() == [embeddings.image_ids[0]]


def test_an_unavailable_server_raises_an_error_and_the_index_can_be_deleted(
    workspace: Workspace, embedded: Manifest, milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = finish(build_index(workspace, embedded.id, ON_MILVUS))
    monkeypatch.setenv(URI, "http://127.0.0.1:1")
    monkeypatch.setenv(TOKEN, TOKENS)
    store = store_of(workspace, index)
    queries = open_embeddings(workspace, embedded.id).vectors[:1]
    started = time.monotonic()
    with pytest.raises(WorkbenchError, match=r"at 127.0.0.1:1 does not answer. Check that it runs"):
        store.search(queries, 1)
    assert time.monotonic() - started < 10
    monkeypatch.setattr(calls, "RETRY_FOR_S", 1.0)
    with pytest.raises(WorkbenchError, match="does not answer") as raised:
        finish(build_index(workspace, embedded.id, ON_MILVUS))
    assert TOKENS not in str(raised.value)
    left = delete_index(workspace, index.id)
    assert f"stay on the server, as the collection {index.summary['collection']}" in left
    assert list_artifacts(workspace.indexes) == ([], [])
    call(
        MilvusAddress(uri=milvus.uri),
        lambda client: client.drop_collection(index.summary["collection"]),
    )


def test_the_token_is_in_no_file_and_a_wrong_one_is_refused(
    workspace: Workspace, milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = embedded_set(workspace, 50)
    milvus.kill()
    milvus.start(authorized=True)
    try:
        monkeypatch.setenv(TOKEN, f"root:{TOKENS}")
        with pytest.raises(
            WorkbenchError, match=r"refuses the token. Correct WORKBENCH_MILVUS_TOK"
        ):
            finish(build_index(workspace, embedded.id, ON_MILVUS))
        monkeypatch.setenv(TOKEN, "root:Milvus")
        index = finish(build_index(workspace, embedded.id, ON_MILVUS))
        assert store_of(workspace, index).count == 50
        for path in (workspace.indexes / index.id).iterdir():
            text = path.read_text()
            assert "root" not in text
            assert milvus.uri not in text
        assert delete_index(workspace, index.id) == ""
    finally:
        milvus.kill()
        milvus.start()


def test_a_small_update_keeps_the_collection_and_publishes_what_has_changed(
    full: Workspace, milvus: MilvusServer
) -> None:
    del milvus
    [flat], _ = list_artifacts(full.indexes)
    made = finish(build_index(full, flat.made_from["embeddings"], ON_MILVUS))
    write_title(full.indexes, made.id, "Mine")
    images = full.home / "images"
    speckled("red", seed=77).save(images / "red" / "new.png")
    speckled("green", seed=78).save(images / "green" / "003.png")
    (images / "blue" / "001.png").unlink()
    finish(rescan(full, "colors"))

    updated = finish(update_index(full, made.id))

    assert (updated.summary["num_added"], updated.summary["num_removed"]) == (2, 1)
    assert (updated.id, updated.summary["version"]) == (made.id, 2)
    assert updated.summary["collection"] == made.summary["collection"]
    assert "hidden.npy" in updated.files
    assert read_title(full.indexes, updated.id) == "Mine"
    embeddings = open_embeddings(full, updated.made_from["embeddings"])
    before = open_embeddings(full, flat.made_from["embeddings"]).image_ids
    ids = finish(all_rows(store_of(full, updated).collection, before)).image_ids
    assert sorted(ids.tolist()) == before.tolist()
    assert store_of(full, updated).count == len(embeddings.image_ids)
    found = store_of(full, updated).search(np.ascontiguousarray(embeddings.vectors), 1)
    np.testing.assert_allclose([match.similarities[0] for match in found], 1.0, atol=1e-5)
    with pytest.raises(WorkbenchError, match="has all images of its dataset already"):
        finish(update_index(full, updated.id))
    assert delete_index(full, updated.id) == ""


def test_a_new_class_makes_the_index_stale_and_reaches_the_server_by_an_update(
    full: Workspace, milvus: MilvusServer
) -> None:
    del milvus
    [flat], _ = list_artifacts(full.indexes)
    made = finish(build_index(full, flat.made_from["embeddings"], ON_MILVUS))
    assert read_lineage(full).stale_reason(made) == ""
    embeddings = open_embeddings(full, flat.made_from["embeddings"])
    moved = embeddings.image_ids[:3]
    relabel(open_dataset(full, "colors").catalog, moved.tolist(), "violet")
    lineage = read_lineage(full)
    assert (lineage.stale_reason(made), lineage.stale_reason(flat)) == (DATASET_CHANGED, "")

    updated = finish(update_index(full, made.id))

    assert read_lineage(full).stale_reason(updated) == ""
    [found] = store_of(full, updated).search(embeddings.vectors[:1], 30, labels=("violet",))
    assert sorted(found.image_ids.tolist()) == moved.tolist()
    assert delete_index(full, updated.id) == ""
