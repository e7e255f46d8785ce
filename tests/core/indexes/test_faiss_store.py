import resource
import struct
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import DamagedArtifactError, WorkbenchError
from core.indexes import faiss_file
from core.indexes.build import build
from core.indexes.config import IndexConfig, Metric
from core.indexes.factory import factory_string
from core.indexes.faiss_file import HEADER, read_faiss
from core.indexes.faiss_store import FaissStore
from core.indexes.kinds import KINDS
from core.indexes.store import Effort, Matches
from core.progress import finish
from tests.factories.vectors import at_angles

IDS = np.array([70, 50, 60], np.int64)


def flat(*degrees: float, ids: NDArray[np.int64] = IDS) -> FaissStore:
    return finish(build(at_angles(*degrees), ids, IndexConfig()))


def cloud(count: int, dimension: int = 16) -> NDArray[np.float32]:
    points = np.random.default_rng(0).normal(size=(count, dimension)).astype(np.float32)
    unit: NDArray[np.float32] = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit


def test_the_nearest_come_first_under_their_catalog_ids() -> None:
    [matches] = flat(90, 0, 60).search(at_angles(0), k=3)
    assert matches.image_ids.tolist() == [50, 60, 70]
    np.testing.assert_allclose(matches.similarities, [1.0, 0.5, 0.0], atol=1e-6)
    assert matches.image_ids.dtype == np.int64
    assert matches.similarities.dtype == np.float32


def test_there_are_no_more_matches_than_images() -> None:
    [matches] = flat(0, 90, 180).search(at_angles(0), k=100)
    assert len(matches.image_ids) == 3


def test_a_search_is_restricted_to_a_subset() -> None:
    [matches] = flat(90, 0, 60).search(at_angles(0), k=3, subset=np.array([60, 70]))
    assert matches.image_ids.tolist() == [60, 70]


def test_queries_of_another_model_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="2-dimensional embeddings, the query has 3"):
        flat(0, 1, 2).search(np.eye(3, dtype=np.float32), k=1)


def test_k_below_one_raises_an_error() -> None:
    with pytest.raises(ValueError, match="k must be at least 1"):
        flat(0, 1, 2).search(at_angles(0), k=0)


def config_of(kind: str, metric: Metric = Metric.COSINE) -> IndexConfig:
    factory = "PCAR12,IVF8,PQ6,RFlat" if kind == "factory" else ""
    return IndexConfig(kind=kind, metric=metric, nlist=20, nprobe=20, code_bytes=8, factory=factory)


def index_recall(matches: Sequence[Matches], exact: Sequence[Matches]) -> float:
    """The share of the exact search's matches that the index has too."""
    hits = sum(
        len(np.intersect1d(a.image_ids, b.image_ids)) for a, b in zip(matches, exact, strict=True)
    )
    return hits / max(1, sum(len(b.image_ids) for b in exact))


# Training a rotation takes a second
EVERY_KIND = [
    pytest.param(kind, marks=pytest.mark.slow) if kind.startswith("opq") else kind for kind in KINDS
]
LEAST_RECALL = {"ivf_pq": 0.6, "opq_ivf_pq": 0.6, "factory": 0.8}
"""Kinds that compress 64 bytes to 8, or look at the real ones only in the end."""


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_kind_agrees_with_exact_search(kind: str, metric: Metric) -> None:
    vectors, ids = cloud(800), np.arange(800, dtype=np.int64) * 7
    exact = finish(build(vectors, ids, IndexConfig()))
    store = finish(build(vectors, ids, config_of(kind, metric)))
    queries = cloud(50)[::-1].copy()
    least = LEAST_RECALL.get(kind, 0.95)

    wanted, found = exact.search(queries, 10), store.search(queries, 10)
    assert index_recall(found, wanted) > least
    np.testing.assert_allclose(found[0].similarities[0], wanted[0].similarities[0], atol=0.2)
    subset = ids[::3]
    found = store.search(queries, 10, subset=subset)
    assert all(np.isin(matches.image_ids, subset).all() for matches in found)
    assert index_recall(found, exact.search(queries, 10, subset=subset)) > least


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_images_are_added_removed_and_replaced_in_every_kind(kind: str, tmp_path: Path) -> None:
    vectors, ids = cloud(900), np.arange(900, dtype=np.int64)
    store = finish(build(vectors[:800], ids[:800], config_of(kind)))
    store.add(vectors[800:], ids[800:])
    assert store.remove(np.array([3, 5, 5000])) == 2
    store.add(-vectors[7:8], ids[7:8])
    assert (store.count, store.num_removed) == (898, 3)

    store.write(tmp_path / "i.faiss")
    store = read_faiss(tmp_path / "i.faiss", store.image_ids, 16)
    assert store.count == 898
    for query, wanted in ((vectors[850], 850), (-vectors[7], 7)):
        [found] = store.search(query[None], 3)
        assert wanted in found.image_ids
    [found] = store.search(vectors[3][None], 1200)
    assert not {3, 5} & set(found.image_ids.tolist())
    [found] = store.search(vectors[7][None], 50)
    assert 7 not in found.image_ids  # Only the vector that replaced it is known
    [found] = store.search(vectors[3][None], 5, subset=np.array([3, 5, 9]))
    assert found.image_ids.tolist() in ([9], [])


def test_more_effort_improves_recall() -> None:
    vectors, ids = cloud(2000), np.arange(2000, dtype=np.int64)
    exact = finish(build(vectors, ids, IndexConfig())).search(cloud(50)[::-1].copy(), 10)
    config = IndexConfig(kind="ivf", nlist=40, nprobe=1)
    store = finish(build(vectors, ids, config))
    queries = cloud(50)[::-1].copy()

    assert store.effort == Effort("nprobe", 1, 40)
    quick, thorough = store.search(queries, 10), store.search(queries, 10, effort=10**6)
    assert index_recall(quick, exact) < 0.8
    assert index_recall(thorough, exact) > 0.99
    with pytest.raises(ValueError, match="effort must be at least 1"):
        store.search(queries, 10, effort=0)


def test_an_exact_index_has_no_search_parameter() -> None:
    assert flat(0, 1, 2).effort is None
    graph = finish(build(cloud(100), np.arange(100), IndexConfig(kind="hnsw")))
    assert graph.effort == Effort("ef_search", 64, 4096)


def test_an_emptied_index_has_no_matches_and_can_be_filled_again() -> None:
    store = flat(0, 90, 180)
    store.remove(IDS)
    [found] = store.search(at_angles(0), k=2)
    assert (store.count, len(found.image_ids)) == (0, 0)
    store.add(at_angles(45), np.array([9]))
    [found] = store.search(at_angles(0), k=2)
    assert found.image_ids.tolist() == [9]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 0.0, 3.0])
def test_embeddings_that_are_not_unit_rows_are_refused(wrong: float) -> None:
    vectors = at_angles(0, 90, 180)
    vectors[1] *= wrong
    with pytest.raises(WorkbenchError, match="1 of 3 embeddings are zero, not finite or not of"):
        finish(build(vectors, IDS, IndexConfig()))
    with pytest.raises(WorkbenchError, match="1 of 3 embeddings"):
        flat(0, 90, 180).add(vectors, IDS + 100)


def test_embeddings_of_another_model_cannot_be_added() -> None:
    with pytest.raises(WorkbenchError, match="2-dimensional embeddings, the new ones have 3"):
        flat(0, 1, 2).add(np.eye(3, dtype=np.float32), np.arange(3))


@pytest.mark.parametrize("text", ["nonsense", "Flat,Flat", "IVF16,", "SQ5x,,", "PQ3", "IVF4,PQ999"])
def test_an_unknown_factory_string_raises_an_error_before_the_build(text: str) -> None:
    config = IndexConfig(kind="factory", factory=text)
    with pytest.raises(WorkbenchError, match="FAISS cannot make an index"):
        next(build(cloud(100), np.arange(100), config))


@pytest.mark.parametrize(
    "text", ["", "HNSW0,Flat", "IVF0,Flat", "IVF99999999,Flat", "IVF4;rm", "a b"]
)
def test_a_factory_string_that_crashes_faiss_is_invalid(text: str) -> None:
    with pytest.raises(ValueError, match="factory"):
        IndexConfig(kind="factory", factory=text)


def test_an_index_with_ids_of_its_own_is_refused() -> None:
    config = IndexConfig(kind="factory", factory="IDMap2,Flat")
    with pytest.raises(WorkbenchError, match="has ids of its own"):
        finish(build(cloud(10), np.arange(10), config))


def test_a_factory_string_needs_its_kind() -> None:
    with pytest.raises(ValueError, match="a factory string needs the kind factory, got flat"):
        IndexConfig(factory="Flat")


@pytest.mark.parametrize("kind", ["ivf_pq", "opq_ivf_pq"])
def test_too_few_images_for_the_codes_raise_an_error(kind: str) -> None:
    with pytest.raises(WorkbenchError, match="needs at least 256 images, and only 100"):
        finish(build(cloud(100), np.arange(100), IndexConfig(kind=kind)))


def test_codes_must_divide_the_dimension() -> None:
    with pytest.raises(WorkbenchError, match="5 bytes do not divide 16.*one of 1, 2, 4, 8, 16"):
        factory_string(IndexConfig(kind="ivf_pq", code_bytes=5), 1000, 16)


def test_defaults_depend_on_the_number_of_images() -> None:
    ivf, pq = IndexConfig(kind="ivf"), IndexConfig(kind="ivf_pq")
    assert factory_string(ivf, 1_000_000, 128) == "IVF4000,Flat"  # 4·√N
    assert factory_string(ivf, 390, 128) == "IVF10,Flat"  # 39 vectors a list
    assert factory_string(ivf, 5, 128) == "IVF1,Flat"
    assert factory_string(pq, 10_000, 128) == "IVF256,PQ32"
    assert factory_string(pq, 10_000, 100) == "IVF256,PQ25"


def test_a_large_index_is_mapped_and_has_the_same_matches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors, ids = cloud(2000), np.arange(2000, dtype=np.int64)
    queries = cloud(5)
    for kind in ("flat", "hnsw", "ivf", "sq8"):
        store = finish(build(vectors, ids, config_of(kind)))
        store.write(tmp_path / "i.faiss")
        monkeypatch.setattr(faiss_file, "MAPPED_FROM_BYTES", 0)
        mapped = read_faiss(tmp_path / "i.faiss", ids, 16)
        for a, b in zip(store.search(queries, 5), mapped.search(queries, 5), strict=True):
            assert a.image_ids.tolist() == b.image_ids.tolist()


def test_an_approximate_index_may_have_fewer_matches_than_k() -> None:
    config = IndexConfig(kind="ivf", nlist=2, nprobe=1)
    ids = np.arange(4, dtype=np.int64)
    store = finish(build(at_angles(0, 5, 85, 90), ids, config))
    [matches] = store.search(at_angles(0), k=4)
    assert matches.image_ids.tolist() == [0, 1]  # It looks into one of the two groups


def test_too_few_images_for_the_lists_raise_an_error() -> None:
    with pytest.raises(WorkbenchError, match="50 lists need at least 50 images, and only 3"):
        finish(build(at_angles(0, 1, 2), IDS, IndexConfig(kind="ivf", nlist=50)))


def test_an_index_file_reads_back(tmp_path: Path) -> None:
    flat(90, 0, 60).write(tmp_path / "i.faiss")
    [matches] = read_faiss(tmp_path / "i.faiss", IDS, 2).search(at_angles(0), k=1)
    assert matches.image_ids.tolist() == [50]


@pytest.mark.parametrize("cut", [0, 10, 50])
def test_a_cut_index_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "i.faiss"
    flat(90, 0, 60).write(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DamagedArtifactError, match="does not fit its manifest"):
        read_faiss(path, IDS, 2)


def test_an_index_of_another_dimension_is_refused(tmp_path: Path) -> None:
    flat(90, 0, 60).write(tmp_path / "i.faiss")
    with pytest.raises(DamagedArtifactError):
        read_faiss(tmp_path / "i.faiss", IDS, 128)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="m must be in"):
        IndexConfig(m=1)
    with pytest.raises(ValueError, match="kind must be one of flat, hnsw"):
        IndexConfig(kind="tree")


@pytest.mark.parametrize(
    ("factory", "size"),
    [
        ("Flat", 400 * 16),
        ("SQ8", 400 * 16),
        ("IVF4,Flat", 4 * 16),
        ("IVF4,PQ4x4", 4 * 16),
        ("HNSW8", 401),
        ("RR,Flat", 16 * 16),
    ],
)
def test_a_file_that_claims_gigabytes_is_refused_without_them(
    tmp_path: Path, factory: str, size: int
) -> None:
    ids = np.arange(400, dtype=np.int64)
    store = finish(build(cloud(400), ids, IndexConfig(kind="factory", factory=factory)))
    path = tmp_path / "i.faiss"
    store.write(path)
    assert read_faiss(path, ids, 16).count == 400
    content = path.read_bytes()
    place = content.index(struct.pack("<Q", size), HEADER.size)
    claim = struct.pack("<Q", 640_000_000)  # Values of 4 bytes, 2.56 GB
    path.write_bytes(content[:place] + claim + content[place + len(claim) :])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DamagedArtifactError, match="does not fit its manifest"):
        read_faiss(path, ids, 16)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 100_000  # kB


def test_an_index_with_an_id_map_is_refused(tmp_path: Path) -> None:
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(16))
    index.add_with_ids(cloud(3), IDS)
    faiss.write_index(index, str(tmp_path / "i.faiss"))
    with pytest.raises(DamagedArtifactError, match="does not fit its manifest"):
        read_faiss(tmp_path / "i.faiss", IDS, 16)


@pytest.mark.parametrize("metric", list(Metric))
def test_a_search_among_some_rows_goes_as_deep_as_it_has_to(metric: Metric) -> None:
    vectors, ids = cloud(500), np.arange(500, dtype=np.int64)
    config = IndexConfig(kind="factory", factory="PQ16", metric=metric)
    store = finish(build(vectors, ids, config))
    order = store.search(vectors[:3], 500)
    for wanted in (ids[:1], ids[100:103], ids[::2]):
        for all_matches, matches in zip(
            order, store.search(vectors[:3], 20, subset=wanted), strict=True
        ):
            among = np.isin(all_matches.image_ids, wanted)
            assert matches.image_ids.tolist() == all_matches.image_ids[among][:20].tolist()
            np.testing.assert_array_equal(
                matches.similarities, all_matches.similarities[among][:20]
            )
