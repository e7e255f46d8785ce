"""The preview shows augmented train images."""

from pathlib import Path

import numpy as np

from core.datasets.registry import open_dataset
from core.training.augment_config import OFF, STRONG
from core.training.preview import augmented_images
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders


def test_a_preview_shows_train_images_and_a_seed_repeats_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    bring_in(workspace, class_folders(tmp_path / "in", red=30, blue=30))
    dataset = open_dataset(workspace, "colors")
    plain = augmented_images(dataset, OFF, 32, seed=1)
    assert len(plain) == 16
    assert {image.size for image in plain} == {(32, 32)}
    changed = augmented_images(dataset, STRONG, 32, seed=1)
    again = augmented_images(dataset, STRONG, 32, seed=1)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(map(np.asarray, changed), map(np.asarray, again), strict=True)
    )
    assert not any(
        np.array_equal(a, b)
        for a, b in zip(map(np.asarray, changed), map(np.asarray, plain), strict=True)
    )


def test_a_preview_leaves_out_what_cannot_be_read(workspace: Workspace, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=4, blue=4)
    bring_in(workspace, root)
    for path in (root / "red").iterdir():
        path.write_bytes(b"no picture")
    images = augmented_images(open_dataset(workspace, "colors"), OFF, 32, seed=0)
    assert 1 <= len(images) <= 4
