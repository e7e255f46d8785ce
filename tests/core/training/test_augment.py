import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core.datasets.registry import open_dataset
from core.models.preprocessing import Preprocessing, normalized
from core.training.augment import augmented, augmented_images
from core.training.augment_config import OFF, PRESETS, STRONG, AugmentConfig
from core.workspace import Workspace
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders

INPUT = Preprocessing(image_size=64)

STILL: dict[str, Any] = {"flip": 0, "shift": 0, "brightness": 0, "contrast": 0}
"""The defaults' changes, turned off."""


def seeded(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int = 4, side: int = 32) -> Tensor:
    pixels = torch.randint(0, 256, (count, 3, side, side), generator=seeded(9), dtype=torch.uint8)
    return normalized(pixels, INPUT)


def ramp(count: int, side: int = 17) -> Tensor:
    """Channel 0 holds each pixel's x, channel 1 its y, channel 2 is 1."""
    line = torch.arange(side).float()
    image = torch.stack([line.expand(side, side), line[:, None].expand(side, side)])
    image = torch.cat([image, torch.ones(1, side, side)])
    return image.expand(count, 3, side, side).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_seed_repeats_bit_for_bit_and_another_differs(preset: str) -> None:
    pixels, config = noise(), PRESETS[preset]
    first, second = (augmented(pixels, seeded(), INPUT, config) for _ in range(2))
    assert first.shape == (4, 3, 32, 32)
    assert first.dtype == torch.float32
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(first, second)
    if preset != "off":
        assert not torch.equal(first, augmented(pixels, seeded(4), INPUT, config))
        assert not torch.equal(first, pixels)


def test_without_augmentation_the_same_tensor_is_returned() -> None:
    pixels = noise()
    assert augmented(pixels, seeded(), INPUT, OFF) is pixels
    assert PRESETS["off"] == OFF == AugmentConfig(**STILL)


def test_the_input_is_not_changed() -> None:
    pixels = noise()
    before = pixels.clone()
    augmented(pixels, seeded(), INPUT, STRONG)
    assert torch.equal(pixels, before)


def test_the_defaults_are_unchanged_from_earlier_releases() -> None:
    """The original augmentation, of flip, shift and colors only, repeated here."""
    pixels, generator = noise(8), seeded()
    flips = torch.rand(8, generator=generator) < 0.5
    moved = torch.where(flips[:, None, None, None], pixels.flip(3), pixels)
    padded = functional.pad(moved, (4, 4, 4, 4), mode="reflect")
    offsets = torch.randint(0, 9, (8, 2), generator=generator).tolist()
    moved = torch.stack([padded[i, :, y : y + 32, x : x + 32] for i, (y, x) in enumerate(offsets)])
    contrast, brightness = (torch.rand(2, 8, 1, 1, 1, generator=generator) * 2 - 1) * 0.2
    assert torch.equal(
        augmented(pixels, seeded(), INPUT),
        moved * (1 + contrast) + brightness,
    )


def test_a_flip_mirrors_left_and_right_with_and_without_resampling() -> None:
    pixels = noise(16)
    config = AugmentConfig(**(STILL | {"flip": 1}))
    assert torch.equal(augmented(pixels, seeded(), INPUT, config), pixels.flip(3))
    rotated = AugmentConfig(**(STILL | {"flip": 1, "rotation": 1e-4}))
    torch.testing.assert_close(
        augmented(pixels, seeded(), INPUT, rotated),
        pixels.flip(3),
        rtol=0,
        atol=1e-2,
    )


def test_about_half_of_the_images_are_flipped() -> None:
    config = AugmentConfig(**(STILL | {"flip": 0.5, "rotation": 1e-4}))
    result = augmented(ramp(400), seeded(), INPUT, config)
    flipped = (result[:, 0, 8, 0] > 8).float().mean()
    assert 0.4 < flipped < 0.6


def test_a_rotation_keeps_lengths_and_stays_within_its_limit() -> None:
    config = AugmentConfig(**(STILL | {"rotation": 30}))
    result = augmented(ramp(50), seeded(), INPUT, config)
    middle, right, below = result[:, :2, 8, 8], result[:, :2, 8, 12], result[:, :2, 12, 8]
    torch.testing.assert_close(middle, torch.full((50, 2), 8.0), rtol=0, atol=1e-4)
    across, down = (right - middle).unbind(1)
    torch.testing.assert_close(torch.hypot(across, down), torch.full((50,), 4.0))
    quarter = torch.stack([-down, across], dim=1)
    torch.testing.assert_close(below - middle, quarter, rtol=0, atol=1e-3)
    angles = torch.atan2(down, across) * 180 / math.pi
    assert angles.abs().max() <= 30.001
    assert angles.min() < -20
    assert angles.max() > 20


def test_a_crop_is_within_its_range_of_areas() -> None:
    config = AugmentConfig(
        **(STILL | {"smallest_crop": 0.25, "largest_crop": 0.64, "stretch": 1.2})
    )
    result = augmented(ramp(200), seeded(), INPUT, config)
    width = (result[:, 0, 8, 16] - result[:, 0, 8, 0]) / 16
    height = (result[:, 1, 16, 8] - result[:, 1, 0, 8]) / 16
    assert (width * height).min() >= 0.25 - 1e-4
    assert (width * height).max() <= 0.64 + 1e-4
    assert 1 / 1.2 - 1e-4 <= (width / height).min() < 0.9
    assert 1.1 < (width / height).max() <= 1.2 + 1e-4
    assert result[:, 0].min() >= -1e-4
    assert result[:, 0].max() <= 16 + 1e-4


def test_a_shift_shows_the_mirrored_border() -> None:
    for resample in (0, 1e-4):
        changed = AugmentConfig(**(STILL | {"shift": 0.25, "rotation": resample}))
        rows = augmented(ramp(100), seeded(), INPUT, changed)[:, 0, 8]
        starts = rows[:, 0]
        assert starts.min() >= 0
        assert (starts > 1).any()
        # Steps of one pixel, one way before the mirror and the other way behind it
        steps = rows.diff(dim=1).abs()
        assert (steps <= 1.001).all()
        assert (steps > 0.99).float().mean() > 0.9
        assert (rows[:, 0] > rows[:, 1]).any()
        assert changed.resamples == (resample > 0)


def test_rotations_and_crops_show_nothing_but_the_image() -> None:
    """Borders are mirrored: the channel of ones stays one, without black pixels."""
    config = AugmentConfig(**(STILL | {"shift": 0.5, "rotation": 180, "smallest_crop": 0.3}))
    ones = augmented(ramp(50), seeded(), INPUT, config)[:, 2]
    torch.testing.assert_close(ones, torch.ones_like(ones))


@pytest.mark.parametrize(
    ("field", "factor"), [("brightness", 0.0), ("contrast", 1.0), ("saturation", 1.0)]
)
def test_each_color_change_differs_between_images(field: str, factor: float) -> None:
    pixels = noise(1).expand(6, 3, 32, 32)
    result = augmented(pixels, seeded(), INPUT, AugmentConfig(**(STILL | {field: 0.3})))
    change = (result - pixels).flatten(1)
    assert (change.abs().amax(dim=1) > 1e-3).all()
    assert len(change.abs().mean(dim=1).unique()) == 6
    constant = change.std(dim=1) < 1e-5
    assert constant.all() == (factor == 0)
    assert change.abs().max() < 0.3 + factor * 3


def test_saturation_leaves_grays_and_moves_colors_from_or_to_gray() -> None:
    gray = torch.full((5, 3, 4, 4), 100, dtype=torch.uint8)
    red = torch.tensor([200, 50, 50], dtype=torch.uint8)[:, None, None].expand(5, 3, 4, 4)
    config = AugmentConfig(**(STILL | {"saturation": 1}))
    torch.testing.assert_close(
        augmented(
            normalized(gray, INPUT),
            seeded(),
            INPUT,
            config,
        ),
        normalized(gray, INPUT),
        rtol=0,
        atol=1e-5,
    )
    changed = augmented(
        normalized(red, INPUT),
        seeded(),
        INPUT,
        config,
    )
    mean, deviation = torch.tensor([[0.485, 0.456], [0.229, 0.224]])
    channels = (changed[:, :2, 0, 0] * deviation + mean) * 255
    # luma 0.299 · 200 + 0.701 · 50 = 94.85: red lies 105.15 above it, green 44.85 below
    share = (channels[:, 0] - 200) / 105.15
    torch.testing.assert_close(channels[:, 1], 50 - 44.85 * share, rtol=0, atol=1e-2)
    assert share.abs().max() <= 1
    assert share.min() < 0 < share.max()


def test_saturation_comes_before_contrast_and_brightness() -> None:
    """A gray image shows it: its saturation changes nothing, the others the same as alone."""
    gray = normalized(
        torch.arange(48, dtype=torch.uint8).reshape(3, 1, 4, 4).expand(3, 3, 4, 4),
        INPUT,
    )
    limits = {"contrast": 0.3, "brightness": 0.3}
    alone, together = (
        augmented(
            gray,
            seeded(),
            INPUT,
            AugmentConfig(**(STILL | limits | {"saturation": share})),
        )
        for share in (0, 0.9)
    )
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_an_erased_rectangle_is_gray_and_of_the_right_size() -> None:
    pixels = torch.ones(300, 3, 32, 32)
    result = augmented(pixels, seeded(), INPUT, AugmentConfig(**(STILL | {"erasing": 0.5})))
    covered = result == 0
    shares = covered[:, 0].float().mean(dim=(1, 2))
    assert 0.4 < (shares > 0).float().mean() < 0.6
    assert shares.max() <= 0.4
    assert shares[shares > 0].min() > 0.012, "none is clipped by the border"
    assert torch.equal(covered[:, 0], covered[:, 2])
    rows, columns = covered[:, 0].any(dim=2).sum(dim=1), covered[:, 0].any(dim=1).sum(dim=1)
    torch.testing.assert_close(rows * columns, covered[:, 0].sum(dim=(1, 2)))


def test_values_stay_finite_and_bounded_with_everything_on() -> None:
    result = augmented(noise(64), seeded(), INPUT, STRONG)
    assert torch.isfinite(result).all()
    assert result.abs().max() < 3 * 1.4 * 1.4 + 0.4


@pytest.mark.parametrize("side", [1, 2, 33])
def test_odd_and_tiny_images_keep_their_shape(side: int) -> None:
    configs = [STRONG] if side == 1 else [STRONG, AugmentConfig()]
    for config in configs:
        assert augmented(noise(3, side), seeded(), INPUT, config).shape == (
            3,
            3,
            side,
            side,
        )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"flip": 1.5}, "flip must be in 0..1, got 1.5"),
        ({"shift": -0.1}, "shift must be in 0..0.5, got -0.1"),
        ({"smallest_crop": 0}, "smallest_crop must be in 0.05..1, got 0"),
        ({"stretch": 0.5}, "stretch must be in 1..3, got 0.5"),
        ({"rotation": float("nan")}, "rotation must be in 0..180, got nan"),
        ({"saturation": 2}, "saturation must be in 0..1, got 2"),
        ({"erasing": 2}, "erasing must be in 0..1, got 2"),
        ({"smallest_crop": 0.9, "largest_crop": 0.5}, "smallest_crop must not exceed largest_crop"),
    ],
)
def test_settings_out_of_range_are_refused_by_name(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        AugmentConfig(**settings)


@pytest.mark.slow
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
