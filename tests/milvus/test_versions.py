"""What a search sees while its index changes on a real Milvus server: one version, all of it."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from core.artifacts.folders import list_artifacts
from core.artifacts.manifests import Manifest
from core.datasets.curation import relabel
from core.datasets.registry import open_dataset
from core.embeddings.files import Embeddings, open_embeddings
from core.errors import WorkbenchError
from core.indexes import update
from core.indexes.build import build
from core.indexes.config import IndexConfig, StoreName
from core.indexes.deletion import delete_index
from core.indexes.files import build_index, open_index
from core.indexes.milvus import build as milvus_build
from core.indexes.milvus import changes, register
from core.indexes.milvus.address import MilvusAddress
from core.indexes.milvus.calls import call
from core.indexes.milvus.register import entries, entry_of
from core.indexes.milvus.store import MilvusStore
from core.indexes.store import VectorStore
from core.progress import Progress, Stop, Work, finish
from core.workspace import Workspace
from tests.factories.embeddings import DATASET, embedded_set, publish_embeddings
from tests.milvus.server import MilvusServer

pytestmark = [pytest.mark.milvus, pytest.mark.slow]

ON_MILVUS = IndexConfig(store=StoreName.MILVUS)
COUNT = 2000
Floats = NDArray[np.float32]
OLD, NEW = "the old version", "the new version"


@pytest.fixture
def index(workspace: Workspace, milvus: MilvusServer) -> Iterator[Manifest]:
    """An index of 2,000 embeddings of 16 dimensions; afterwards nothing of it is on the server."""
    embedded = embedded_set(workspace, COUNT)
    yield finish(build_index(workspace, embedded.id, ON_MILVUS))
    for index in list_artifacts(workspace.indexes)[0]:
        assert delete_index(workspace, index.id) == ""
    for entry in entries(workspace):
        drop(milvus, entry.name)


def drop(milvus: MilvusServer, name: str) -> None:
    call(MilvusAddress(uri=milvus.uri), lambda client: client.drop_collection(name))


def collections_on(milvus: MilvusServer) -> set[str]:
    """The collections of workspaces that the server has."""
    names = call(MilvusAddress(uri=milvus.uri), lambda client: client.list_collections())
    return {name for name in names if name.startswith("workbench_")}


def embeddings_of(workspace: Workspace, index: Manifest) -> Embeddings:
    return open_embeddings(workspace, index.made_from["embeddings"])


def changed(workspace: Workspace, index: Manifest, share: float) -> Embeddings:
    """Embeddings in which a share of the images is gone, and as many have others' embeddings."""
    old = embeddings_of(workspace, index)
    number = round(share * COUNT)
    vectors = np.array(old.vectors[number:])
    vectors[:number] = vectors[:number][::-1]
    made = publish_embeddings(
        workspace,
        DATASET,
        np.array(old.image_ids[number:]),
        vectors,
        contents=np.array(old.contents[number:]),
        stem="changed",
    )
    return open_embeddings(workspace, made.id)


def update_to(workspace: Workspace, index: Manifest, embeddings: Embeddings) -> Manifest:
    return finish(update_work(workspace, index, embeddings))


def update_work(workspace: Workspace, index: Manifest, embeddings: Embeddings) -> Work[Manifest]:
    opened = open_index(workspace, index.id)
    assert isinstance(opened.store, MilvusStore)
    old = embeddings_of(workspace, index)
    found = finish(update._compare(old, embeddings))
    return update.update_collection(workspace, opened, opened.store, embeddings, found)


def answers(store: VectorStore, queries: Floats) -> list[list[int]]:
    return [found.image_ids.tolist() for found in store.search(queries, 10)]


def exact(embeddings: Embeddings, queries: Floats) -> list[list[int]]:
    vectors = np.ascontiguousarray(embeddings.vectors)
    return answers(finish(build(vectors, embeddings.image_ids, IndexConfig())), queries)


class Searcher:
    """Opens an index and searches it, again and again, and counts what it sees."""

    def __init__(self, workspace: Workspace, index: Manifest, new: Embeddings) -> None:
        old = embeddings_of(workspace, index)
        draw = np.random.default_rng(0)
        self.queries = np.array(old.vectors[draw.permutation(COUNT)[:20]])
        self.expected = {OLD: exact(old, self.queries), NEW: exact(new, self.queries)}
        assert self.expected[OLD] != self.expected[NEW]
        self.seen: Counter[str] = Counter()
        self._open: Callable[[], VectorStore] = lambda: open_index(workspace, index.id).store
        self._ended = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.seen[self.name_of(self._open())] += 1
            except WorkbenchError as error:
                self.seen[str(error)] += 1

    def name_of(self, store: VectorStore) -> str:
        found = answers(store, self.queries)
        names = [name for name, expected in self.expected.items() if found == expected]
        return names[0] if names else "a mixture"


@pytest.mark.parametrize(("share", "is_moved"), [(0.01, False), (0.3, True)])
def test_searches_during_an_update_have_the_old_or_the_new_version(
    workspace: Workspace,
    index: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    is_moved: bool,
) -> None:
    monkeypatch.setattr(changes, "MIN_CHANGES", 100)
    monkeypatch.setattr(register, "SEARCHED_S", 5.0)
    monkeypatch.setattr("core.indexes.milvus.store.SEARCHED_S", 5.0)
    monkeypatch.setattr("core.indexes.milvus.build.SEARCHED_S", 5.0)
    before = open_index(workspace, index.id).store
    new = changed(workspace, index, share)
    searcher = Searcher(workspace, index, new)
    with searcher.running():
        time.sleep(1)
        updated = update_to(workspace, index, new)
        time.sleep(1)
    assert set(searcher.seen) == {OLD, NEW}
    assert (updated.id, updated.summary["version"]) == (index.id, 2)
    names = {index.summary["collection"], updated.summary["collection"]}
    assert len(names) == 1 + is_moved
    after = open_index(workspace, index.id).store
    assert after.count == len(new.image_ids)
    assert after.holds(new.image_ids).all()
    if is_moved:  # Nobody has searched the old collection for a while
        with pytest.raises(WorkbenchError, match="no longer has this index"):
            before.search(searcher.queries, 1)
    else:
        assert searcher.name_of(before) == OLD


def test_a_collection_is_dropped_only_once_nobody_searches_it(
    workspace: Workspace, index: Manifest, milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MIN_CHANGES", 100)
    before = open_index(workspace, index.id).store
    new = changed(workspace, index, 0.3)
    searcher = Searcher(workspace, index, new)
    work = update_work(workspace, index, new)
    try:
        while "waiting for searches" not in str(next(work)):
            pass
        work.throw(Stop())  # The new version is published already
    except StopIteration as end:
        updated = end.value
    assert searcher.name_of(open_index(workspace, index.id).store) == NEW
    assert searcher.name_of(before) == OLD
    old = entry_of(workspace.indexes, index.summary["collection"])
    assert old.is_replaced
    os.utime(old.path, (0, 0))  # As after a minute without a search
    assert delete_index(workspace, updated.id) == ""
    assert not {old.name, updated.summary["collection"]} & collections_on(milvus)
    assert list(entries(workspace)) == []


def test_an_update_that_was_killed_is_continued_and_another_one_drops_it(
    workspace: Workspace, index: Manifest, milvus: MilvusServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MIN_CHANGES", 100)
    monkeypatch.setattr(milvus_build, "WAIT_S", 0.0)
    monkeypatch.setattr("core.indexes.milvus.rows.MAX_ROWS", 100)
    first, other = changed(workspace, index, 0.3), changed(workspace, index, 0.2)

    def kill_at(embeddings: Embeddings, done: int) -> int:
        """Kill an update when it has sent some rows; returns how many it meant to send."""
        work = update_work(workspace, index, embeddings)
        for event in work:
            if isinstance(event, Progress) and event.note == "sending vectors":
                total = event.total
                if event.done == done:
                    break
        work.close()
        return total

    assert kill_at(first, 600) == 1400
    current = index.summary["collection"]
    [half] = {entry.name for entry in entries(workspace)} - {current}
    assert kill_at(first, 300) == 800  # 600 of 1,400 were there
    assert {entry.name for entry in entries(workspace)} == {current, half}
    assert {current, half} <= collections_on(milvus)
    searcher = Searcher(workspace, index, first)
    assert searcher.name_of(open_index(workspace, index.id).store) == OLD

    os.utime(entry_of(workspace.indexes, half).path, (0, 0))  # As after an hour
    updated = update_to(workspace, index, other)
    assert half not in collections_on(milvus)
    assert updated.summary["collection"] in collections_on(milvus)


def test_a_relabeled_image_is_a_change_of_its_row(workspace: Workspace, index: Manifest) -> None:
    embeddings = embeddings_of(workspace, index)
    moved = embeddings.image_ids[:3]
    relabel(open_dataset(workspace, DATASET).catalog, moved.tolist(), "violet")
    updated = update_to(workspace, index, embeddings)
    store = open_index(workspace, updated.id).store
    assert updated.summary["collection"] == index.summary["collection"]
    query = np.array(embeddings.vectors[:1])
    [found] = store.search(query, 30, labels=("violet",))
    assert sorted(found.image_ids.tolist()) == moved.tolist()
    [found] = store.search(query, COUNT, labels=("class 0",))
    assert moved[0] not in found.image_ids
    assert len(found.image_ids) == COUNT // 8 - 1
    assert store.count == COUNT


def test_searches_go_through_a_restart_of_the_server_with_complete_results(
    workspace: Workspace, index: Manifest, milvus: MilvusServer
) -> None:
    """While another index is built, which neither the kill nor the searches disturb."""
    old = embeddings_of(workspace, index)
    searcher = Searcher(workspace, index, changed(workspace, index, 0.3))
    with searcher.running():
        time.sleep(1)
        work = build_index(
            workspace, old.manifest.id, IndexConfig(kind="hnsw", store=StoreName.MILVUS)
        )
        next(work)
        milvus.kill()
        restart = threading.Timer(3, milvus.start, kwargs={"wait": False})
        restart.start()
        built = finish(work)
        restart.join()
        time.sleep(2)
    assert set(searcher.seen) == {OLD}
    assert open_index(workspace, built.id).store.count == COUNT


def test_hidden_images_leave_no_gap_however_many_are_near(
    workspace: Workspace, index: Manifest
) -> None:
    """The nearest ones are hidden: searches go deeper, at last by an expression."""
    embeddings = embeddings_of(workspace, index)
    store = open_index(workspace, index.id).store
    query = np.array(embeddings.vectors[:1])
    [everything] = store.search(query, COUNT)
    store.remove(everything.image_ids[:500])
    for k in (1, 40, COUNT):
        [found] = store.search(query, k)
        assert found.image_ids.tolist() == everything.image_ids[500 : 500 + k].tolist()
    [found] = store.search(query, 16_384)
    assert len(found.image_ids) == COUNT - 500
