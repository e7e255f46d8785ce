from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.embeddings.exact_search import nearest_rows
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.indexes.neighbors import Neighbors
from core.maps.config import MapConfig
from core.maps.files import Map, build_map, open_map
from core.maps.quality import nearest_on_map
from core.progress import Progress, finish
from core.workspace import Workspace
from tests.factories.circles import circle
from tests.factories.embeddings import publish_embeddings

GROUP_SIZE = 20
PAIRS = ((0, 1), (0, 2), (1, 2))
FIRST_ID = 100
"""Catalog ids are not row numbers."""


def three_groups() -> NDArray[np.float32]:
    """(60, 8) unit rows: 20 close to each of three axes."""
    noise = np.random.default_rng(0).normal(0, 0.05, (3 * GROUP_SIZE, 8))
    points = np.repeat(np.eye(8)[:3], GROUP_SIZE, axis=0) + noise
    unit: NDArray[np.float32] = points / np.linalg.norm(points, axis=1, keepdims=True)
    return unit.astype(np.float32)


def indexed(workspace: Workspace, vectors: NDArray[np.float32]) -> Manifest:
    """An index of given embeddings."""
    ids = FIRST_ID + np.arange(len(vectors), dtype=np.int64)
    embeddings = publish_embeddings(workspace, "groups", ids, vectors)
    return finish(build_index(workspace, embeddings.id, IndexConfig()))


def laid_out(workspace: Workspace, vectors: NDArray[np.float32], **settings: Any) -> Map:
    index = indexed(workspace, vectors)
    config = MapConfig(index=index.id, **settings)
    return open_map(workspace, finish(build_map(workspace, config)).id)


def share_with_a_neighbor_of_the_same_group(points: NDArray[np.float32]) -> float:
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    groups = np.arange(len(points)) // GROUP_SIZE
    return float((groups[distances.argmin(axis=1)] == groups).mean())


def distance_over_radius(points: NDArray[np.float32]) -> float:
    """Distance of the centers of the two closest groups, in radii of the largest group."""
    groups = points.reshape(3, GROUP_SIZE, 2)
    centers = groups.mean(axis=1)
    radius = np.linalg.norm(groups - centers[:, None], axis=2).max()
    return float(min(np.linalg.norm(centers[a] - centers[b]) for a, b in PAIRS) / radius)


@pytest.mark.slow
def test_groups_stay_together_and_a_seed_repeats_the_map(workspace: Workspace) -> None:
    first = laid_out(workspace, three_groups())
    again = laid_out(workspace, three_groups())
    other = laid_out(workspace, three_groups(), seed=1)

    assert (first.points.shape, first.points.dtype.name) == ((60, 2), "float32")
    assert np.isfinite(first.points).all()
    assert first.image_ids.tolist() == list(range(FIRST_ID, FIRST_ID + 60))
    assert first.image_ids.dtype == np.int64
    assert (first.manifest.summary["count"], first.manifest.summary["num_clusters"]) == (60, 3)
    assert first.trustworthiness > 0.9
    assert first.neighbors.rows.shape == (60, 15)
    assert first.preserved.mean() == pytest.approx(first.manifest.summary["preserved"])
    assert [len(set(found)) for found in first.clusters.reshape(3, GROUP_SIZE)] == [1, 1, 1]
    assert share_with_a_neighbor_of_the_same_group(first.points) >= 0.9
    assert distance_over_radius(first.points) > 3
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.points, other.points)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
@pytest.mark.parametrize("dimensions", [2, 3])
def test_each_method_keeps_groups_together_and_repeats_itself(
    workspace: Workspace, method: str, dimensions: int
) -> None:
    settings: dict[str, Any] = {"method": method, "dimensions": dimensions}
    found = laid_out(workspace, three_groups(), **settings)
    assert (found.points.shape, found.points.dtype.name) == ((60, dimensions), "float32")
    assert found.config == MapConfig(index=found.config.index, **settings)
    assert share_with_a_neighbor_of_the_same_group(found.points) >= 0.9
    again = laid_out(workspace, three_groups(), **settings)
    np.testing.assert_array_equal(found.points, again.points)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
def test_new_images_are_placed_in_their_group_and_others_do_not_move(
    workspace: Workspace, method: str
) -> None:
    found = laid_out(workspace, three_groups(), method=method)
    before = found.points.copy()
    new = three_groups()[[3, 25, 47]]
    rows, similarities = finish(nearest_rows(three_groups(), new, 15))
    placed = found.place(Neighbors(rows.astype(np.int32), similarities), new)
    assert (placed.shape, placed.dtype.name) == ((3, 2), "float32")
    distances = np.linalg.norm(placed[:, None] - found.points[None], axis=2)
    assert (distances.argmin(axis=1) // GROUP_SIZE).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(found.points, before)


def test_a_pca_has_its_explained_variance(workspace: Workspace) -> None:
    found = laid_out(workspace, three_groups(), method="pca", dimensions=3)
    assert 0.9 < found.manifest.summary["explained"] < 1  # Three groups lie in a plane


def test_euclidean_and_cosine_give_different_layouts(workspace: Workspace) -> None:
    cosine = laid_out(workspace, three_groups())
    euclidean = laid_out(workspace, three_groups(), metric="euclidean")
    assert not np.array_equal(cosine.points, euclidean.points)


def test_supervision_separates_the_classes(workspace: Workspace) -> None:
    images = [(10.0 * number, ["even", "odd"][number % 2], "train") for number in range(36)]
    circle(workspace, images)
    index = finish(build_index(workspace, "e", IndexConfig()))
    labels = np.arange(36) % 2

    def mixed(supervision: float) -> float:
        config = MapConfig(index=index.id, neighbors=8, supervision=supervision)
        found = open_map(workspace, finish(build_map(workspace, config)).id)
        near = nearest_on_map(found.points, 3)
        return float((labels[near] != labels[:, None]).mean())

    assert mixed(0) > 0.5  # Each lies between two of the other
    assert mixed(0.9) < 0.1


def test_supervision_without_classes_is_refused(workspace: Workspace) -> None:
    circle(workspace, [(10.0 * number, "", "train") for number in range(9)])
    index = finish(build_index(workspace, "e", IndexConfig()))
    with pytest.raises(WorkbenchError, match="Set supervision to 0"):
        finish(build_map(workspace, MapConfig(index=index.id, supervision=0.5)))
    assert not list(workspace.maps.glob("*"))


def test_a_map_of_an_earlier_version_is_refused(workspace: Workspace) -> None:
    with draft(workspace.maps) as folder:
        np.save(folder / "points.npy", np.zeros((5, 2), np.float32))
        np.save(folder / "image_ids.npy", np.arange(5))
        old = publish(folder, kind="map", stem="old", config={}, made_from={}, summary={})
    with pytest.raises(
        WorkbenchError,
        match="of an earlier version lacks some files. Create it again",
    ):
        open_map(workspace, old.id)


def test_equal_embeddings_do_not_break_the_map(workspace: Workspace) -> None:
    vectors = three_groups()
    vectors[:GROUP_SIZE] = vectors[0]  # More equal embeddings than neighbors
    found = laid_out(workspace, vectors)
    assert np.isfinite(found.points).all()
    assert share_with_a_neighbor_of_the_same_group(found.points) >= 0.9
    assert distance_over_radius(found.points) > 3


def test_equal_embeddings_alone_are_a_map(workspace: Workspace) -> None:
    found = laid_out(workspace, np.repeat(three_groups()[:1], 30, axis=0))
    assert np.isfinite(found.points).all()


@pytest.mark.parametrize("count", [5, 6])
def test_fewer_images_than_neighbors_are_laid_out(workspace: Workspace, count: int) -> None:
    found = laid_out(workspace, three_groups()[::10][:count], neighbors=15)
    assert found.points.shape == (count, 2)
    assert np.isfinite(found.points).all()
    assert found.neighbors.rows.shape == (count, count - 1)
    assert 0 <= found.trustworthiness <= 1


def test_too_few_images_are_refused(workspace: Workspace) -> None:
    index = indexed(workspace, three_groups()[:4])
    with pytest.raises(WorkbenchError, match="at least 5 images, and the index holds 4"):
        finish(build_map(workspace, MapConfig(index=index.id)))
    assert not list(workspace.maps.glob("*"))


def test_a_missing_index_is_refused(workspace: Workspace) -> None:
    with pytest.raises(MissingError, match="There is no “nothing”"):
        finish(build_map(workspace, MapConfig(index="nothing")))


def test_a_map_reports_progress_and_can_be_canceled(workspace: Workspace) -> None:
    work = build_map(workspace, MapConfig(index=indexed(workspace, three_groups()).id))
    events = [event for _, event in zip(range(5), work, strict=False)]
    work.close()
    reported = [(event.note, event.fraction) for event in events if isinstance(event, Progress)]
    assert [note for note, _ in reported] == [
        "1 of 3: finding neighbors",
        "2 of 3: weighing neighbors",
        *["2 of 3: laying out the map"] * 3,
    ]
    assert reported[-1][1] == pytest.approx((1 + 3 / 500) / 3, abs=1e-3)
    assert not list(workspace.maps.glob("*"))


def test_a_changed_map_is_refused(workspace: Workspace) -> None:
    found = laid_out(workspace, three_groups()[::10])
    np.save(workspace.maps / found.manifest.id / "points.npy", found.points + 1)
    with pytest.raises(DamagedArtifactError, match="points.npy is damaged"):
        open_map(workspace, found.manifest.id)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"neighbors": 1}, "neighbors must be in"),
        ({"min_dist": 1.0}, "min_dist must be in"),
        ({"dimensions": 4}, "dimensions must be in 2..3"),
        ({"supervision": 1.1}, "supervision must be in"),
        ({"perplexity": 1}, "perplexity must be in"),
        ({"method": "mds"}, "mds"),
        ({"metric": "l1"}, "l1"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MapConfig(index="x", **settings)  # type: ignore[arg-type]
