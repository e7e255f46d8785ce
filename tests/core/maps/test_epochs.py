"""Training history maps."""

import numpy as np
import pytest
from numpy.typing import NDArray

from core.errors import DamagedArtifactError, MissingError, WorkbenchError
from core.maps.epochs import align, build_epoch_maps, open_epoch_maps
from core.maps.quality import nearest_on_map
from core.progress import Progress, finish
from core.training.config import TrainConfig
from core.training.history import begin_history, write_epoch
from core.training.runs import folder_of, start_run
from core.workspace import Workspace

pytestmark = pytest.mark.usefixtures("small_networks")

CLASSES, EACH = 4, 20
LABELS = np.repeat(np.arange(CLASSES), EACH)
IDS = 100 + np.arange(CLASSES * EACH, dtype=np.int64)


def embeddings_after(share: float) -> NDArray[np.float32]:
    """(80, 16) unit rows: noise at a share of 0, four tight classes at 1."""
    random = np.random.default_rng(0)
    middles, noise = random.normal(size=(CLASSES, 16)), random.normal(size=(len(LABELS), 16))
    rows = share * middles[LABELS] + (1 - 0.8 * share) * 0.5 * noise
    unit: NDArray[np.float64] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit.astype(np.float32)


def recorded(workspace: Workspace, *shares: float) -> str:
    """A run that recorded an epoch for each share."""
    run = start_run(workspace, TrainConfig(dataset="toy", weights="none", trainable_blocks=5))
    folder = folder_of(workspace, run.id)
    begin_history(folder, IDS, LABELS, list("abcd"))
    for epoch, share in enumerate(shares, 1):
        write_epoch(folder, epoch, embeddings_after(share), LABELS, LABELS)
    return run.id


def mixed(points: NDArray[np.float32]) -> float:
    """Share of the three nearest points that are of another class."""
    near = nearest_on_map(points, 3)
    return float((LABELS[near] != LABELS[:, None]).mean())


def test_a_rotated_and_reflected_map_is_aligned() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    turn = np.array([[0.6, 0.8], [0.8, -0.6]], np.float32)  # Rotates and reflects
    aligned = align(points @ turn + np.float32(7), points)
    assert aligned.dtype == np.float32
    np.testing.assert_allclose(aligned, points, atol=1e-4)


@pytest.mark.slow
def test_images_move_and_do_not_jump_from_epoch_to_epoch(workspace: Workspace) -> None:
    run = recorded(workspace, 0.2, 0.5, 0.6, 0.7, 0.8, 1.0)
    made = finish(build_epoch_maps(workspace, run))
    found = open_epoch_maps(workspace, run)
    np.testing.assert_array_equal(made.points, found.points)
    assert (found.points.shape, found.points.dtype.name) == ((6, 80, 2), "float32")
    assert found.epochs.tolist() == [1, 2, 3, 4, 5, 6]
    assert found.image_ids.tolist() == IDS.tolist()
    assert mixed(found.points[0]) > 0.4  # 0.59 if laid out alone: no group of a later epoch
    assert mixed(found.points[-1]) < 0.05
    moved = np.linalg.norm(np.diff(found.points[2:], axis=0), axis=2)
    assert np.median(moved) < 0.3 * found.points[-1].std()


def test_progress_names_the_epoch_and_nothing_is_left_after_a_cancel(workspace: Workspace) -> None:
    run = recorded(workspace, 0.5, 1.0)
    work = build_epoch_maps(workspace, run)
    event = next(work)
    work.close()
    assert isinstance(event, Progress)
    assert event.note == "epoch 1: finding neighbors"
    with pytest.raises(MissingError, match="has no map of its epochs. Create it."):
        open_epoch_maps(workspace, run)


def test_more_saved_epochs_invalidate_the_maps(workspace: Workspace) -> None:
    run = recorded(workspace, 0.5, 1.0)
    finish(build_epoch_maps(workspace, run))
    write_epoch(folder_of(workspace, run), 3, embeddings_after(1.0), LABELS, LABELS)
    with pytest.raises(MissingError, match="Create it."):
        open_epoch_maps(workspace, run)


def test_one_epoch_is_refused(workspace: Workspace) -> None:
    with pytest.raises(WorkbenchError, match="has 1 saved epochs, and a training history needs 2"):
        finish(build_epoch_maps(workspace, recorded(workspace, 1.0)))


def test_a_missing_run_is_refused(workspace: Workspace) -> None:
    with pytest.raises(MissingError):
        finish(build_epoch_maps(workspace, "nothing"))


def test_a_damaged_epoch_is_named(workspace: Workspace) -> None:
    run = recorded(workspace, 0.5, 1.0)
    (folder_of(workspace, run) / "embeddings" / "0001.npy").write_bytes(b"half")
    with pytest.raises(DamagedArtifactError, match="epoch 1 of .* is damaged"):
        finish(build_epoch_maps(workspace, run))
