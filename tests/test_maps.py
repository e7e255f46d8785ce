import numpy as np
import pytest
from numpy.typing import NDArray

from core.artifacts import Manifest, draft, publish
from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.maps.config import MapConfig
from core.maps.umap import Map, build_map, open_map
from core.progress import Progress, finish
from core.vectors.config import IndexConfig
from core.vectors.indexes import build_index
from core.workspace import Workspace

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
    """An index over embeddings that no model made."""
    made_from = {"dataset": "hand", "dataset_fingerprint": "d"}
    with draft(workspace.embeddings) as folder:
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "image_ids.npy", FIRST_ID + np.arange(len(vectors), dtype=np.int64))
        embeddings = publish(
            folder,
            kind="embeddings",
            stem="hand",
            config={},
            made_from=made_from | {"model": "hand", "model_fingerprint": "m"},
            summary={"num_problems": 0},
        )
    return finish(build_index(workspace, embeddings.id, IndexConfig()))


def laid_out(
    workspace: Workspace, vectors: NDArray[np.float32], *, neighbours: int = 15, seed: int = 0
) -> Map:
    index = indexed(workspace, vectors)
    config = MapConfig(index=index.id, neighbours=neighbours, seed=seed)
    return open_map(workspace, finish(build_map(workspace, config)).id)


def share_with_a_neighbour_of_their_own_group(points: NDArray[np.float32]) -> float:
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    groups = np.arange(len(points)) // GROUP_SIZE
    return float((groups[distances.argmin(axis=1)] == groups).mean())


def distance_over_radius(points: NDArray[np.float32]) -> float:
    """How far apart the two closest groups' middles are, in radii of the largest group."""
    groups = points.reshape(3, GROUP_SIZE, 2)
    middles = groups.mean(axis=1)
    radius = np.linalg.norm(groups - middles[:, None], axis=2).max()
    return float(min(np.linalg.norm(middles[a] - middles[b]) for a, b in PAIRS) / radius)


def test_groups_stay_together_and_a_seed_repeats_the_map(workspace: Workspace) -> None:
    first = laid_out(workspace, three_groups())
    again = laid_out(workspace, three_groups())
    other = laid_out(workspace, three_groups(), seed=1)

    assert (first.points.shape, first.points.dtype.name) == ((60, 2), "float32")
    assert np.isfinite(first.points).all()
    assert first.image_ids.tolist() == list(range(FIRST_ID, FIRST_ID + 60))
    assert first.image_ids.dtype == np.int64
    assert first.manifest.summary == {"count": 60, "neighbours": 15}
    assert share_with_a_neighbour_of_their_own_group(first.points) >= 0.9
    assert distance_over_radius(first.points) > 3
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.array_equal(first.points, other.points)


def test_twins_do_not_break_the_map(workspace: Workspace) -> None:
    vectors = three_groups()
    vectors[:GROUP_SIZE] = vectors[0]  # More twins than neighbours
    found = laid_out(workspace, vectors)
    assert np.isfinite(found.points).all()
    assert share_with_a_neighbour_of_their_own_group(found.points) >= 0.9
    assert distance_over_radius(found.points) > 3


def test_nothing_but_twins_still_is_a_map(workspace: Workspace) -> None:
    found = laid_out(workspace, np.repeat(three_groups()[:1], 30, axis=0))
    assert np.isfinite(found.points).all()


@pytest.mark.parametrize("count", [5, 6])
def test_fewer_images_than_neighbours_are_laid_out(workspace: Workspace, count: int) -> None:
    found = laid_out(workspace, three_groups()[::10][:count], neighbours=15)
    assert found.points.shape == (count, 2)
    assert np.isfinite(found.points).all()
    assert found.manifest.summary["neighbours"] == count - 1


def test_too_few_images_are_said(workspace: Workspace) -> None:
    index = indexed(workspace, three_groups()[:4])
    with pytest.raises(WorkbenchError, match="at least 5 images, and the index holds 4"):
        finish(build_map(workspace, MapConfig(index=index.id)))
    assert not list(workspace.maps.glob("*"))


def test_a_map_without_its_index_is_said(workspace: Workspace) -> None:
    with pytest.raises(MissingError, match="There is no “nothing”"):
        finish(build_map(workspace, MapConfig(index="nothing")))


def test_a_map_tells_what_it_does_and_can_be_given_up(workspace: Workspace) -> None:
    work = build_map(workspace, MapConfig(index=indexed(workspace, three_groups()).id))
    notes = [
        event.note for _, event in zip(range(3), work, strict=False) if isinstance(event, Progress)
    ]
    work.close()
    assert notes[-1].startswith("laying out the map")
    assert "finding neighbours" in notes
    assert not list(workspace.maps.glob("*"))


def test_a_map_that_was_changed_by_hand_is_refused(workspace: Workspace) -> None:
    found = laid_out(workspace, three_groups()[::10])
    np.save(workspace.maps / found.manifest.id / "points.npy", found.points + 1)
    with pytest.raises(DamagedArtifactError, match="points.npy is damaged"):
        open_map(workspace, found.manifest.id)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"neighbours": 1}, "neighbours must be in"), ({"min_dist": 1.0}, "min_dist must be in")],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MapConfig(index="x", **settings)  # type: ignore[arg-type]
