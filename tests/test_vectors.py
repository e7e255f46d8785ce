from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import DamagedArtifactError, WorkbenchError
from core.progress import finish
from core.vectors import faiss_store
from core.vectors.config import IndexConfig, IndexKind
from core.vectors.faiss_store import FaissStore, neighbour_recall

IDS = np.array([70, 50, 60], np.int64)


def unit_vectors(*degrees: float) -> NDArray[np.float32]:
    """Points on the unit circle, so that similarities can be checked by hand."""
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def flat(*degrees: float, ids: NDArray[np.int64] = IDS) -> FaissStore:
    return finish(faiss_store.build(unit_vectors(*degrees), ids, IndexConfig()))


def cloud(count: int, dimension: int = 16) -> NDArray[np.float32]:
    points = np.random.default_rng(0).normal(size=(count, dimension)).astype(np.float32)
    unit: NDArray[np.float32] = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit


def test_the_nearest_come_first_under_their_catalog_ids() -> None:
    [matches] = flat(90, 0, 60).search(unit_vectors(0), k=3)
    assert matches.image_ids.tolist() == [50, 60, 70]
    np.testing.assert_allclose(matches.similarities, [1.0, 0.5, 0.0], atol=1e-6)
    assert matches.image_ids.dtype == np.int64
    assert matches.similarities.dtype == np.float32


def test_no_more_is_found_than_there_is() -> None:
    [matches] = flat(0, 90, 180).search(unit_vectors(0), k=100)
    assert len(matches.image_ids) == 3


def test_the_search_can_be_kept_to_some_images() -> None:
    [matches] = flat(90, 0, 60).search(unit_vectors(0), k=3, among=np.array([60, 70]))
    assert matches.image_ids.tolist() == [60, 70]


def test_queries_of_another_model_are_refused() -> None:
    with pytest.raises(WorkbenchError, match="2-dimensional embeddings, the query has 3"):
        flat(0, 1, 2).search(np.eye(3, dtype=np.float32), k=1)


def test_k_below_one_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="k must be at least 1"):
        flat(0, 1, 2).search(unit_vectors(0), k=0)


@pytest.mark.parametrize("kind", list(IndexKind))
def test_every_kind_agrees_with_exact_search(kind: IndexKind) -> None:
    vectors, ids = cloud(2000), np.arange(2000, dtype=np.int64) * 7
    exact = finish(faiss_store.build(vectors, ids, IndexConfig()))
    config = IndexConfig(kind=kind, lists=20, nprobe=20)
    store = finish(faiss_store.build(vectors, ids, config))
    queries = cloud(50)[::-1].copy()

    assert neighbour_recall(store.search(queries, 10), exact.search(queries, 10)) > 0.99
    among = ids[::3]
    found = store.search(queries, 10, among=among)
    assert all(np.isin(matches.image_ids, among).all() for matches in found)
    assert neighbour_recall(found, exact.search(queries, 10, among=among)) > 0.95


def test_an_approximate_index_invents_nothing_to_fill_the_row() -> None:
    config = IndexConfig(kind=IndexKind.IVF, lists=2, nprobe=1)
    ids = np.arange(4, dtype=np.int64)
    store = finish(faiss_store.build(unit_vectors(0, 5, 85, 90), ids, config))
    [matches] = store.search(unit_vectors(0), k=4)
    assert matches.image_ids.tolist() == [0, 1]  # It looks into one of the two groups


def test_too_few_images_for_the_lists_are_said() -> None:
    with pytest.raises(WorkbenchError, match="50 lists need at least 50 images, and only 3"):
        finish(
            faiss_store.build(unit_vectors(0, 1, 2), IDS, IndexConfig(kind=IndexKind.IVF, lists=50))
        )


def test_an_index_file_reads_back(tmp_path: Path) -> None:
    flat(90, 0, 60).write(tmp_path / "i.faiss")
    [matches] = faiss_store.read(tmp_path / "i.faiss", IDS, 2).search(unit_vectors(0), k=1)
    assert matches.image_ids.tolist() == [50]


@pytest.mark.parametrize("cut", [0, 10, 50])
def test_a_cut_index_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "i.faiss"
    flat(90, 0, 60).write(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DamagedArtifactError, match="does not fit its manifest"):
        faiss_store.read(path, IDS, 2)


def test_an_index_of_another_dimension_is_refused(tmp_path: Path) -> None:
    flat(90, 0, 60).write(tmp_path / "i.faiss")
    with pytest.raises(DamagedArtifactError):
        faiss_store.read(tmp_path / "i.faiss", IDS, 128)


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="links must be in"):
        IndexConfig(links=1)
    with pytest.raises(ValueError, match="not a valid IndexKind"):
        IndexConfig(kind="tree")  # type: ignore[arg-type]
