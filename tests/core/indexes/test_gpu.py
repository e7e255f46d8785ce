"""FAISS on a graphics card answers as on the processor; without a card none is asked."""

from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from core.indexes.build import build
from core.indexes.config import IndexConfig
from core.indexes.faiss_store import FaissStore
from core.indexes.gpu import MAX_RESULTS, GpuSearch, copy_options, num_gpus, to_gpu
from core.indexes.store import Matches
from core.progress import finish

needs_gpu = pytest.mark.skipif(not num_gpus(), reason="no graphics card here")
IDS = np.arange(1, 2001, dtype=np.int64)


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float32]:
    drawn = np.random.default_rng(0).normal(size=(len(IDS), 32)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return drawn


def found(matches: list[Matches]) -> list[list[int]]:
    return [match.image_ids.tolist() for match in matches]


@pytest.mark.skipif(bool(num_gpus()), reason="there is a graphics card")
def test_without_a_gpu_the_cpu_searches(vectors: NDArray[np.float32]) -> None:
    store = finish(build(vectors, IDS, IndexConfig()))
    assert not store.use_gpu()
    assert found(store.search(vectors[:3], 1)) == [[1], [2], [3]]


class Processor(GpuSearch):
    """A CPU index in place of the GPU copy, which counts its searches."""

    def __init__(self, index: faiss.Index) -> None:
        super().__init__(index)
        self.asked = 0

    def search(
        self, queries: NDArray[np.float32], k: int, parameters: Any
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
        self.asked += 1
        return super().search(queries, k, parameters)


@pytest.fixture
def beside(vectors: NDArray[np.float32]) -> tuple[FaissStore, Processor]:
    store = finish(build(vectors, IDS, IndexConfig(kind="ivf", nlist=8)))
    copy = Processor(store.index)
    store._gpu = copy
    return store, copy


def test_results_come_from_the_copy(
    vectors: NDArray[np.float32], beside: tuple[FaissStore, Processor]
) -> None:
    store, copy = beside
    assert found(store.search(vectors[:3], 1)) == [[1], [2], [3]]
    assert copy.asked == 1


def test_a_subset_is_searched_by_the_cpu(
    vectors: NDArray[np.float32], beside: tuple[FaissStore, Processor]
) -> None:
    store, copy = beside
    assert found(store.search(vectors[:1], 5, subset=IDS[10:12], effort=8))[0] in (
        [11, 12],
        [12, 11],
    )
    assert copy.asked == 0


def test_after_a_change_the_copy_is_not_used(
    vectors: NDArray[np.float32], beside: tuple[FaissStore, Processor]
) -> None:
    store, copy = beside
    store.add(vectors[:1], np.array([9999], np.int64))
    assert 9999 in found(store.search(vectors[:1], 2, effort=8))[0]
    store._gpu = copy
    store.remove(np.array([9999], np.int64))
    assert 9999 not in found(store.search(vectors[:1], 2, effort=8))[0]
    assert copy.asked == 0


def test_more_results_than_a_gpu_supports_come_from_the_cpu(
    vectors: NDArray[np.float32],
) -> None:
    index = finish(build(vectors, IDS, IndexConfig())).index
    assert GpuSearch(index).search(vectors[:1], MAX_RESULTS + 1, None) is None
    again = GpuSearch(index).search(vectors[:1], 3, None)
    assert again is not None
    assert again[1][0, 0] == 0


@pytest.mark.skipif(not hasattr(faiss, "GpuClonerOptions"), reason="FAISS was built without")
@pytest.mark.parametrize(
    ("factory", "is_float16"),
    [
        ("Flat", False),
        ("HNSW32", False),
        ("IVF16,Flat", False),
        ("IVF16,PQ32", False),
        ("IVF16,PQ64", True),
        ("OPQ64_128,IVF16,PQ64", True),
    ],
)
def test_only_tables_of_long_codes_are_in_float16(factory: str, is_float16: bool) -> None:
    index = faiss.index_factory(128, factory, faiss.METRIC_INNER_PRODUCT)
    assert copy_options(index).useFloat16 is is_float16


@needs_gpu
@pytest.mark.parametrize("kind", ["flat", "ivf", "ivf_pq"])
def test_gpu_and_cpu_give_the_same_results(vectors: NDArray[np.float32], kind: str) -> None:
    store = finish(build(vectors, IDS, IndexConfig(kind=kind)))
    on_processor = found(store.search(vectors[:50], 10))
    assert store.use_gpu()
    on_card = found(store.search(vectors[:50], 10))
    same = [len(set(a) & set(b)) for a, b in zip(on_card, on_processor, strict=True)]
    assert sum(same) >= 0.99 * 500


@needs_gpu
def test_long_codes_are_searched_with_float16_tables() -> None:
    drawn = np.random.default_rng(0).normal(size=(len(IDS), 128)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    store = finish(build(drawn, IDS, IndexConfig(kind="ivf_pq", nlist=8, code_bytes=64)))
    on_processor = found(store.search(drawn[:50], 10))
    assert store.use_gpu()
    on_card = found(store.search(drawn[:50], 10))
    same = [len(set(a) & set(b)) for a, b in zip(on_card, on_processor, strict=True)]
    assert sum(same) >= 0.95 * 500


@needs_gpu
def test_hnsw_stays_on_the_cpu(vectors: NDArray[np.float32]) -> None:
    assert to_gpu(finish(build(vectors, IDS, IndexConfig(kind="hnsw"))).index) is None
