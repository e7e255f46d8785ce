"""Behavior of every vector store: FAISS, and Milvus on a real server."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.indexes.build import build
from core.indexes.config import IndexConfig, Metric, StoreName
from core.indexes.store import VectorStore
from core.progress import finish
from tests.factories.vectors import at_angles
from tests.support.milvus_fixtures import MakeStore

IDS = np.array([70, 50, 60], np.int64)
KINDS = ["flat", "hnsw", "ivf", "sq8"]

Make = Callable[..., VectorStore]


@pytest.fixture(params=[StoreName.FAISS, pytest.param(StoreName.MILVUS, marks=pytest.mark.milvus)])
def make(request: pytest.FixtureRequest) -> Make:
    """Makes a store: `make(vectors, ids, config=…, labels=…)`."""
    on_milvus: MakeStore | None = None
    if request.param == StoreName.MILVUS:
        on_milvus = request.getfixturevalue("make_store")

    def make_one(
        vectors: NDArray[np.float32],
        image_ids: NDArray[np.int64] = IDS,
        config: IndexConfig | None = None,
        labels: tuple[str, ...] = (),
    ) -> VectorStore:
        chosen = config or IndexConfig()
        if on_milvus is not None:
            return on_milvus(vectors, image_ids, chosen, labels)
        return finish(build(vectors, image_ids, chosen))

    return make_one


@pytest.mark.parametrize("metric", list(Metric))
def test_the_nearest_come_first_with_their_cosines(make: Make, metric: Metric) -> None:
    store = make(at_angles(90, 0, 60), config=IndexConfig(metric=metric))
    [matches] = store.search(at_angles(0), k=3)
    assert matches.image_ids.tolist() == [50, 60, 70]
    np.testing.assert_allclose(matches.similarities, [1.0, 0.5, 0.0], atol=1e-6)
    assert matches.image_ids.dtype == np.int64
    assert matches.similarities.dtype == np.float32
    assert (store.count, store.dimension, store.effort) == (3, 2, None)


def test_results_are_in_query_order(make: Make) -> None:
    store = make(at_angles(90, 0, 60))
    answers = store.search(at_angles(91, 1, 61), k=1)
    assert [matches.image_ids.tolist() for matches in answers] == [[70], [50], [60]]


def test_there_are_no_more_matches_than_images(make: Make) -> None:
    store = make(at_angles(0, 90, 180))
    for k in (100, 20_000):  # Milvus gives no more than 16,384
        [matches] = store.search(at_angles(0), k=k)
        assert sorted(matches.image_ids.tolist()) == [50, 60, 70]
        np.testing.assert_allclose(matches.similarities, [1.0, 0.0, -1.0], atol=1e-6)


def test_a_search_is_restricted_to_a_subset(make: Make) -> None:
    store = make(at_angles(90, 0, 60))
    [matches] = store.search(at_angles(0), k=3, subset=np.array([60, 70, 9999]))
    assert matches.image_ids.tolist() == [60, 70]
    [matches] = store.search(at_angles(0), k=3, subset=np.array([], np.int64))
    assert matches.image_ids.tolist() == []


@pytest.mark.parametrize("label", ["cats", 'it\'s "black" \\ white', "naïve 😀", '" or id > 0'])
def test_a_search_is_restricted_to_a_class_of_any_name(make: Make, label: str) -> None:
    store = make(at_angles(90, 0, 60), labels=("dogs", "birds", label))
    subset = np.array([60])
    [matches] = store.search(at_angles(0), k=3, subset=subset, labels=(label,))
    assert matches.image_ids.tolist() == [60]


def test_images_that_are_added_are_found_at_once(make: Make) -> None:
    store = make(at_angles(90, 0, 60))
    store.add(at_angles(30), np.array([80]), ("cats",))
    assert store.count == 4
    [matches] = store.search(at_angles(30), k=1)
    assert matches.image_ids.tolist() == [80]


def test_an_indexed_image_is_replaced(make: Make) -> None:
    store = make(at_angles(90, 0, 60))
    store.add(at_angles(180), np.array([50]))
    assert store.count == 3
    [matches] = store.search(at_angles(0), k=3)
    assert matches.image_ids.tolist() == [60, 70, 50]
    np.testing.assert_allclose(matches.similarities, [0.5, 0.0, -1.0], atol=1e-6)


def test_removed_images_are_counted_and_not_found(make: Make) -> None:
    store = make(at_angles(90, 0, 60))
    assert store.remove(np.array([50, 9999])) == 1
    assert store.count == 2
    [matches] = store.search(at_angles(0), k=3)
    assert matches.image_ids.tolist() == [60, 70]
    assert store.remove(np.array([50])) == 0


def test_a_store_may_be_emptied(make: Make) -> None:
    store = make(at_angles(90, 0, 60))
    assert store.remove(IDS) == 3
    assert [len(found.image_ids) for found in store.search(at_angles(0, 1), k=2)] == [0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_finds_every_image(make: Make, kind: str) -> None:
    points = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    config = IndexConfig(kind=kind, nlist=4 if kind == "ivf" else 0, nprobe=4)
    store = make(points, np.arange(1, 301), config)
    most = None if store.effort is None else store.effort.most
    found = store.search(points, k=1, effort=most)
    assert [matches.image_ids.tolist() for matches in found] == [[n] for n in range(1, 301)]
    similarities = [matches.similarities[0] for matches in found]
    np.testing.assert_allclose(similarities, 1.0, atol=0.01)


def test_effort_is_named_and_bounded(make: Make) -> None:
    graph = make(at_angles(90, 0, 60), config=IndexConfig(kind="hnsw", ef_search=10))
    assert graph.effort is not None
    assert (graph.effort.name, graph.effort.value) == ("efSearch", 10)
    config = IndexConfig(kind="ivf", nlist=2, nprobe=1)
    groups = make(at_angles(90, 0, 60), config=config)
    assert groups.effort is not None
    assert (groups.effort.name, groups.effort.value, groups.effort.most) == ("nprobe", 1, 2)
    for store in (graph, groups):  # More than there is, or fewer candidates than results
        [matches] = store.search(at_angles(0), k=2, effort=4096)
        assert matches.image_ids.tolist() == [50, 60]
        assert len(store.search(at_angles(0), k=3, effort=1)[0].image_ids) <= 3


def test_invalid_arguments_are_refused(make: Make) -> None:
    store = make(at_angles(0, 1, 2))
    three = np.eye(3, dtype=np.float32)
    with pytest.raises(WorkbenchError, match="2-dimensional embeddings, the query has 3"):
        store.search(three, k=1)
    with pytest.raises(WorkbenchError, match="2-dimensional embeddings, the new ones have 3"):
        store.add(three, np.array([1, 2, 3]))
    with pytest.raises(WorkbenchError, match="1 of 1 embeddings are zero"):
        store.add(np.zeros((1, 2), np.float32), np.array([1]))
    with pytest.raises(ValueError, match="k must be at least 1"):
        store.search(at_angles(0), k=0)
    with pytest.raises(ValueError, match="effort must be at least 1"):
        store.search(at_angles(0), k=1, effort=0)
    assert store.count == 3
