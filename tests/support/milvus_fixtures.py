"""The Milvus server of a test run, and collections on it that are gone with their test."""

import os
import uuid
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from core.indexes.config import IndexConfig
from core.indexes.milvus.address import TOKEN, URI, MilvusAddress
from core.indexes.milvus.calls import call
from core.indexes.milvus.collection import Collection
from core.indexes.milvus.store import MilvusStore
from core.indexes.milvus.sync import sync
from core.progress import finish
from tests.milvus.server import RUNNING, MilvusServer, RunningServer, reason_to_skip

MakeStore = Callable[..., MilvusStore]


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusServer]:
    """A real server, one for the whole run."""
    if reason := reason_to_skip():
        pytest.skip(reason)
    if uri := os.environ.get(RUNNING):
        yield RunningServer(uri)
        return
    server = MilvusServer(tmp_path_factory.mktemp("milvus"))
    yield server
    server.close()


@pytest.fixture
def milvus(milvus_server: MilvusServer, monkeypatch: pytest.MonkeyPatch) -> MilvusServer:
    """The server, configured by the environment."""
    monkeypatch.setenv(URI, milvus_server.uri)
    monkeypatch.delenv(TOKEN, raising=False)
    return milvus_server


@pytest.fixture
def make_store(milvus: MilvusServer) -> Iterator[MakeStore]:
    """Makes stores on the server: `make_store(vectors, ids, config, labels)`."""
    made: list[Collection] = []

    def make(
        vectors: NDArray[np.float32],
        image_ids: NDArray[np.int64],
        config: IndexConfig,
        labels: tuple[str, ...] = (),
    ) -> MilvusStore:
        collection = Collection(
            address=MilvusAddress(uri=milvus.uri),
            name=f"test_{uuid.uuid4().hex}",
            dimension=vectors.shape[1],
            config=config,
            nlist=config.nlist or 4,
            code_bytes=config.code_bytes or 1,
        )
        made.append(collection)
        order = np.argsort(image_ids)
        chosen = labels or ("",) * len(image_ids)
        sorted_labels = [chosen[place] for place in order.tolist()]
        finish(sync(collection, vectors[order], image_ids[order], sorted_labels))
        return MilvusStore(collection)

    yield make
    for collection in made:
        drop(collection)


def drop(collection: Collection) -> None:
    call(collection.address, lambda client: client.drop_collection(collection.name))
