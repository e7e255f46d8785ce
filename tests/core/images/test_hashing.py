from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.images import hashing
from core.images.hashing import RADIUS, group_similar, perceptual_hash
from core.progress import Progress, finish


def bits_between(one: bytes | None, other: bytes | None) -> int:
    assert one is not None
    assert other is not None
    pair = [np.frombuffer(value, np.uint8) for value in (one, other)]
    return int(np.bitwise_count(pair[0] ^ pair[1]).sum())


def photograph(seed: int) -> Image.Image:
    """Smooth noise, 300 × 200."""
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 18, 3), np.uint8)
    return Image.fromarray(pixels).resize((300, 200), Image.Resampling.BICUBIC)


def clusters(seed: int, num_hashes: int) -> NDArray[np.uint8]:
    """Hashes near one of five, so that most groups reach over several stretches."""
    draw = np.random.default_rng(seed)
    centers = draw.integers(0, 256, (5, 32), np.uint8)
    flipped = draw.random((num_hashes, 256)) < draw.uniform(0, 0.12, (num_hashes, 1))
    return centers[draw.integers(0, 5, num_hashes)] ^ np.packbits(flipped, axis=1)


def grouped_by_hand(hashes: NDArray[np.uint8], radius: int) -> tuple[list[int], list[int]]:
    representatives: list[int] = []
    bits: list[int] = []
    for row, value in enumerate(hashes):
        far = np.bitwise_count(hashes[: row + 1] ^ value).sum(axis=1)
        first = next(k for k in range(row + 1) if far[k] <= radius and k in {*representatives, row})
        representatives.append(first)
        bits.append(int(far[first]))
    return representatives, bits


def test_a_hash_is_256_bits_of_which_half_are_set() -> None:
    value = perceptual_hash(photograph(1))
    assert value is not None
    assert len(value) == 32
    assert int(np.bitwise_count(np.frombuffer(value, np.uint8)).sum()) == 128


@pytest.mark.parametrize("quality", [30, 50, 70])
@pytest.mark.parametrize("seed", range(3))
def test_a_small_jpeg_of_an_image_is_near_it_and_other_images_are_not(
    seed: int, quality: int
) -> None:
    picture, file = photograph(seed), BytesIO()
    picture.resize((150, 100)).save(file, "JPEG", quality=quality)
    value = perceptual_hash(picture)
    assert bits_between(value, perceptual_hash(Image.open(file))) <= RADIUS
    assert bits_between(value, perceptual_hash(photograph(seed + 10))) > 2 * RADIUS


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_blank_image_has_no_hash_even_with_some_noise(level: int) -> None:
    noise = np.random.default_rng(0).normal(level, 4, (200, 300, 3))
    assert perceptual_hash(Image.new("RGB", (300, 200), (level, level, level))) is None
    assert perceptual_hash(Image.fromarray(np.clip(noise, 0, 255).astype(np.uint8))) is None


def test_images_with_one_direction_have_no_hash() -> None:
    stripes = np.zeros((240, 240), np.uint8)
    stripes[:, :120] = 255
    gradient = np.tile(np.linspace(0, 255, 240).astype(np.uint8), (240, 1))
    for pixels in (stripes, stripes.T, gradient, gradient.T):
        assert perceptual_hash(Image.fromarray(np.ascontiguousarray(pixels))) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3, 2)])
def test_an_image_of_any_size_can_be_hashed(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    value = perceptual_hash(Image.fromarray(pixels))
    assert value is None or len(value) == 32


@pytest.mark.parametrize("stretch", [1, 7, 512])
def test_grouping_in_batches_equals_grouping_one_by_one(
    monkeypatch: pytest.MonkeyPatch, stretch: int
) -> None:
    monkeypatch.setattr(hashing, "STRETCH", stretch)
    hashes = clusters(stretch, 200)
    representatives, bits = finish(group_similar(hashes))
    assert representatives.shape == bits.shape == (200,)
    assert representatives.dtype == bits.dtype == np.int64
    assert (representatives.tolist(), bits.tolist()) == grouped_by_hand(hashes, RADIUS)
    assert 5 < len(set(representatives.tolist())) < 150


def test_grouping_reports_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "STRETCH", 50)
    told = [step.done for step in group_similar(clusters(1, 200)) if isinstance(step, Progress)]
    assert told == [0, 1, 2, 4, 8, 16, 32, 64, 114, 164]


@pytest.mark.parametrize("seed", range(3))
def test_three_thousand_copies_among_others_are_one_group(seed: int) -> None:
    draw = np.random.default_rng(seed)
    hashes = draw.integers(0, 256, (3500, 32), np.uint8)
    copies = draw.choice(3500, 3000, replace=False)
    hashes[copies] = hashes[copies[0]]
    representatives, bits = finish(group_similar(hashes))
    assert set(representatives[copies].tolist()) == {int(copies.min())}
    assert not bits.any()
    assert len(set(representatives.tolist())) == 501
