"""Every factory string gives right results or is refused in one sentence, by every metric."""

from contextlib import suppress

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import WorkbenchError
from core.indexes.build import build
from core.indexes.config import IndexConfig, Metric, normalized
from core.indexes.faiss_store import FaissStore
from core.indexes.probe import probe
from core.indexes.store import UnfitIndexError
from core.progress import finish
from tests.factories.embeddings import clusters, opened_embeddings

COUNT, DIMENSION = 300, 32
IDS = np.arange(1, COUNT + 1, dtype=np.int64) * 3

FITTING = (
    *("Flat", "L2norm,Flat", "RR,Flat", "RR16,Flat", "Pad40,Flat"),
    *("PCA16,Flat", "PCA16,L2norm,Flat", "PCAR16,Flat", "PCAW16,Flat", "PCA24,PCA16,Flat"),
    *("ITQ16,Flat", "PCA16,IVF4,Flat", "PCA16,IVF4,PQ8x4", "PCA16,HNSW8", "PCA16,NSG8,Flat"),
    *("SQ4", "SQ6", "SQ8", "SQfp16", "SQbf16", "PQ8", "PQ8x4", "PQ16x4fs", "PQ8x6", "PQ8np"),
    *("IVF4,Flat", "IVF4,SQ4", "IVF4,PQ8x4", "IVF4,PQ16x4fs", "IVF4,PQ16x4fsr", "IVF4_HNSW8,Flat"),
    *("IVF4(Flat),Flat", "HNSW8", "HNSW32", "HNSW8_SQ8", "NSG16", "NSG16,Flat", "NSG8,SQ8"),
    *("Flat,RFlat", "PQ8,RFlat", "SQ4,RFlat", "PQ16x4fs,RFlat", "PCA16,Flat,RFlat", "NSG8,RFlat"),
    *("PCA16,SQ8,Refine(Flat)", "PQ8x4,Refine(SQ8)", "IVF4,PQ8x4,RFlat", "HNSW8_SQ8,RFlat"),
    *("OPQ8,PQ8", "OPQ8_16,Flat", "RQ4x4", "IVF4,RQ4x4", "RaBitQ"),
)
VERY_SLOW = ("OPQ8,PQ8", "OPQ8_16,Flat", "RQ4x4", "IVF4,RQ4x4")
SLOW = (*VERY_SLOW, "PCA16,NSG8,Flat", "NSG16,Flat", "NSG8,SQ8", "NSG8,RFlat")

REFUSED = {
    "nonsense": "could not parse index string nonsense",
    "Flat,Flat": "could not parse",
    "PCAR999,Flat": "PCA matrix cannot output 999 dimensions from 32",
    "PQ3": "FAISS cannot make an index “PQ3” of 32 dimensions",
    "PQ4x10": "needs at least 1024 images, and only 300 are embedded",
    "IVF999,Flat": "needs at least 999 images",
    "IDMap,Flat": "has ids of its own",
    "IVF4(PCA8,Flat),Flat": "PCA matrix cannot output 8 dimensions from 32",
    "LSH": "This index ",
    "ITQ16,LSH": "This index ",
    "IVF4,SQ8_direct_signed": "This index ",
    "SQ8_direct": "finds only",
    "IVF4_NSG8,Flat": "cannot build a graph smaller than 100",
}


def vectors() -> NDArray[np.float32]:
    """Unit rows far from the origin, as those of many models: what is not centered differs."""
    rows = clusters(COUNT, DIMENSION) + 0.3
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit.astype(np.float32)


def config_of(factory: str, metric: Metric) -> IndexConfig:
    return IndexConfig(kind="factory", factory=factory, metric=metric)


def probed(store: FaissStore) -> None:
    """Raise an error unless the store finds the images that it holds."""
    held = store.holds(IDS)
    finish(probe(store, opened_embeddings(IDS[held], vectors()[held])))


@pytest.mark.parametrize("metric", [Metric.COSINE, pytest.param(Metric.L2, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "factory", [pytest.param(f, marks=pytest.mark.slow) if f in SLOW else f for f in FITTING]
)
def test_an_image_finds_itself_also_after_an_update(factory: str, metric: Metric) -> None:
    update_and_search(factory, metric)


@pytest.mark.slow
@pytest.mark.parametrize("factory", [f for f in FITTING if f not in VERY_SLOW])
def test_an_inner_product_is_right_or_refused(factory: str) -> None:
    """Codes are not of unit length, so that their inner products may rank images wrongly."""
    with suppress(UnfitIndexError):
        update_and_search(factory, Metric.INNER_PRODUCT)


def update_and_search(factory: str, metric: Metric) -> None:
    rows = vectors()
    store = finish(build(rows[:-1], IDS[:-1], config_of(factory, metric)))
    probed(store)
    assert store.remove(IDS[:1]) == 1
    if "NSG" in factory:
        with pytest.raises(UnfitIndexError, match="No images can be added"):
            store.add(rows[-1:], IDS[-1:])
        store = finish(build(rows[1:], IDS[1:], config_of(factory, metric)))
    else:
        store.add(rows[-1:], IDS[-1:])
    probed(store)
    found = store.search(rows, 1000)
    assert not any(IDS[0] in matches.image_ids for matches in found)
    similarities = np.concatenate([matches.similarities for matches in found])
    assert -1 <= similarities.min() <= similarities.max() <= 1
    [last] = store.search(rows[-1:], 10)
    assert IDS[-1] in last.image_ids
    subset = IDS[::3]
    for matches in store.search(rows[:20], 10, subset=subset):
        assert np.isin(matches.image_ids, subset).all()
        assert "IVF" in factory or len(matches.image_ids) == 10


@pytest.mark.parametrize("factory", ["Flat", "PCA16,Flat", "PQ16x4fs", "SQ4", "NSG16", "IVF4,Flat"])
def test_the_default_metric_ranks_an_image_first_for_itself(factory: str) -> None:
    rows = vectors()
    store = finish(build(rows, IDS, config_of(factory, Metric.COSINE)))
    first = [matches.image_ids[0] for matches in store.search(rows, 1)]
    assert (np.array(first) == IDS).mean() > 0.98


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.L2])
@pytest.mark.parametrize("factory", REFUSED)
def test_what_faiss_cannot_do_is_refused_with_its_reason(factory: str, metric: Metric) -> None:
    with pytest.raises(WorkbenchError) as raised:
        probed(finish(build(vectors(), IDS, config_of(factory, metric))))
    assert REFUSED[factory] in raised.value.problem
    assert " at /" not in raised.value.problem
    assert "\n" not in raised.value.problem


def test_too_few_images_for_a_graph_are_refused_with_faiss_reason() -> None:
    said = "FAISS cannot build an index “NSG8,Flat” of 36 images: .*graph"
    with pytest.raises(WorkbenchError, match=said):
        finish(build(vectors()[:36], IDS[:36], config_of("NSG8,Flat", Metric.COSINE)))


@pytest.mark.parametrize(
    ("given", "built"),
    [
        ("Flat", "Flat"),
        ("PCA32,Flat", "PCA32,L2norm,Flat"),
        ("PCA32,L2norm,Flat", "PCA32,L2norm,Flat"),
        ("PCA64,PCA32,L2norm,IVF4,Flat", "PCA64,PCA32,L2norm,IVF4,Flat"),
        ("L2norm,PCA32,IVF4,PQ8", "L2norm,PCA32,L2norm,IVF4,PQ8"),
        ("PCAWR8,OPQ4,PQ4,RFlat", "PCAWR8,OPQ4,L2norm,PQ4,RFlat"),
        ("OPQ8_16,PQ8", "OPQ8_16,L2norm,PQ8"),
        ("OPQ8,PQ8", "OPQ8,PQ8"),
        ("RR,Flat", "RR,Flat"),
        ("ITQ16,Refine(Flat)", "ITQ16,L2norm,Refine(Flat)"),
        ("IVF4(PCA8,Flat),Flat", "IVF4(PCA8,Flat),Flat"),
    ],
)
def test_vectors_are_normalized_after_a_transform_that_changes_them(given: str, built: str) -> None:
    assert normalized(given) == built


@pytest.mark.parametrize("factory", ["SQ4", "PQ8", "IVF4,PQ8x4"])
def test_estimates_of_similarities_are_limited(factory: str) -> None:
    rows = vectors()
    store = finish(build(rows, IDS, config_of(factory, Metric.INNER_PRODUCT)))
    estimates, _ = store.nearest(rows, 1)
    limited = [matches.similarities[0] for matches in store.search(rows, 1)]
    assert estimates.max() > 1
    np.testing.assert_array_equal(limited, np.minimum(estimates[:, 0], 1))


def test_an_index_with_other_ids_than_its_table_says_that_it_is_damaged() -> None:
    rows = vectors()
    index = faiss.index_factory(DIMENSION, "IVF1,Flat")
    index.train(rows)
    index.add_with_ids(rows, np.arange(COUNT, dtype=np.int64) + 7)
    store = FaissStore(index, IDS)
    with pytest.raises(WorkbenchError, match="rows that its table of 300 images lacks"):
        store.search(rows, 1)
