"""The probe of an index by its own images, before it is published."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.artifacts.folders import list_artifacts
from core.errors import WorkbenchError
from core.index_benchmark.measure import index_recall
from core.index_benchmark.queries import make_benchmark_queries
from core.indexes.build import build
from core.indexes.config import IndexConfig, Metric
from core.indexes.faiss_store import FaissStore
from core.indexes.files import build_index, open_index
from core.indexes.info import RECALL, rebuild_reason
from core.indexes.probe import probe
from core.indexes.store import UnfitIndexError
from core.progress import finish
from core.workspace import Workspace
from tests.factories.embeddings import clusters, embedded_set, opened_embeddings

IDS = np.arange(1, 301, dtype=np.int64)


def flat(vectors: NDArray[np.float32]) -> FaissStore:
    return finish(build(vectors, IDS, IndexConfig()))


def test_an_exact_index_finds_itself_and_has_no_recall() -> None:
    vectors = clusters(300)
    assert finish(probe(flat(vectors), opened_embeddings(IDS, vectors))) == {}


def test_an_index_of_other_rows_is_refused() -> None:
    vectors = clusters(300)
    shuffled = vectors[np.random.default_rng(0).permutation(300)]
    with pytest.raises(UnfitIndexError, match="finds only [0-9]+ of 200 of its own images"):
        finish(probe(flat(shuffled), opened_embeddings(IDS, vectors)))


def test_added_images_are_probed_among_many_others() -> None:
    vectors = clusters(300)
    changed = vectors.copy()
    changed[299] = -vectors[299]
    store = flat(changed)
    finish(probe(store, opened_embeddings(IDS, vectors)))
    with pytest.raises(UnfitIndexError, match="finds only 0 of 1 of its own images"):
        finish(probe(store, opened_embeddings(IDS, vectors), added=IDS[299:]))


def test_many_added_images_are_told_from_the_others() -> None:
    vectors = clusters(300)
    changed = vectors.copy()
    changed[:14] = -vectors[:14]  # Of the 200 probes less than a tenth
    finish(probe(flat(changed), opened_embeddings(IDS, vectors), added=IDS[100:]))


def test_rows_that_are_a_little_longer_or_shorter_find_themselves() -> None:
    lengths = np.random.default_rng(0).uniform(0.992, 1.008, (300, 1))
    vectors = (clusters(300) * lengths).astype(np.float32)
    config = IndexConfig(kind="factory", factory="HNSW16", metric=Metric.L2)
    store = finish(build(vectors, IDS, config))
    assert finish(probe(store, opened_embeddings(IDS, vectors)))[RECALL] > 0.9


def test_copies_of_an_image_stand_for_it() -> None:
    vectors = np.repeat(clusters(15), 20, axis=0)
    assert finish(probe(flat(vectors), opened_embeddings(IDS, vectors))) == {}


def test_frames_of_one_video_stand_for_each_other() -> None:
    draw = np.random.default_rng(0)
    rows = np.repeat(clusters(6, 32), 50, axis=0) + 0.005 * draw.normal(size=(300, 32))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    store = finish(build(vectors, IDS, IndexConfig(kind="factory", factory="PQ16x4fs")))
    facts = finish(probe(store, opened_embeddings(IDS, vectors)))
    assert facts[RECALL] < 0.9


def test_recall_is_that_of_the_nearest_others() -> None:
    vectors = clusters(300)
    config = IndexConfig(kind="ivf", nlist=8, nprobe=1)
    store = finish(build(vectors, IDS, config))
    facts = finish(probe(store, opened_embeddings(IDS, vectors)))
    exact = np.argsort(-(vectors @ vectors.T), axis=1)[:, :11]
    found = store.search(vectors, 11)
    shares = [
        len(np.intersect1d(IDS[near], matches.image_ids)) - 1
        for near, matches in zip(exact, found, strict=True)
    ]
    assert facts[RECALL] == pytest.approx(np.mean(shares) / 10, abs=0.03)
    assert 0.3 < facts[RECALL] < 0.99


@pytest.mark.parametrize("kind", ["hnsw", "ivf", "sq8", "factory"])
def test_the_recall_of_an_approximate_index_is_in_its_manifest(
    workspace: Workspace, kind: str
) -> None:
    embeddings = embedded_set(workspace, 300)
    config = IndexConfig(kind=kind, factory="SQ4" if kind == "factory" else "")
    index = finish(build_index(workspace, embeddings.id, config))
    benchmark = finish(make_benchmark_queries(workspace, embeddings.id, 300))
    measured = index_recall(open_index(workspace, index.id).store, benchmark)
    assert index.summary[RECALL] == pytest.approx(measured, abs=0.04)


def test_a_flat_index_stores_no_recall(workspace: Workspace) -> None:
    index = finish(build_index(workspace, embedded_set(workspace, 300).id, IndexConfig()))
    assert RECALL not in index.summary


def test_an_index_that_does_not_find_itself_is_not_published(workspace: Workspace) -> None:
    embeddings = embedded_set(workspace, 300)
    config = IndexConfig(kind="factory", factory="SQ8_direct")
    with pytest.raises(WorkbenchError, match="finds only"):
        finish(build_index(workspace, embeddings.id, config))
    assert list_artifacts(workspace.indexes) == ([], [])


def test_an_index_of_before_without_normalized_vectors_should_be_rebuilt(
    workspace: Workspace,
) -> None:
    config = IndexConfig(kind="factory", factory="PCA8,Flat", metric=Metric.COSINE)
    index = finish(build_index(workspace, embedded_set(workspace, 300).id, config))
    assert rebuild_reason(index) == ""
    del index.summary[RECALL]  # As before there were probes
    assert rebuild_reason(index) == "vectors are not normalized after the transform"
