"""Batches are decoded in order by processes, and what a decoder does costs one image."""

from pathlib import Path

import numpy as np
import pytest

from core.images import isolation
from core.models.batches import (
    BATCHES_HELD,
    PIECE,
    PIECES_AHEAD,
    decode_batches,
    load_square,
)
from core.models.preprocessing import Preprocessing
from tests.factories.images import class_folders

INPUT = Preprocessing(image_size=32)


def check(paths: list[Path], size: int) -> dict[int, str]:
    """Compare the batches with single images, and return their problems."""
    at, problems = 0, dict[int, str]()
    for batch in decode_batches(paths, INPUT, size):
        problems |= batch.problems
        expected = [place for place in range(at, at + size) if place not in batch.problems]
        assert batch.positions.tolist() == [place for place in expected if place < len(paths)]
        assert batch.pixels.shape[1:] == (3, 32, 32)
        for place, square in zip(batch.positions, batch.pixels, strict=True):
            np.testing.assert_array_equal(square, load_square(paths[place], INPUT))
        at += size
    assert at >= len(paths)
    return problems


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    root = class_folders(tmp_path, red=5, green=4)
    (root / "red" / "broken.png").write_text("no image")
    return sorted(root.rglob("*.png"))


def test_batches_hold_the_images_in_order_and_the_problems(paths: list[Path]) -> None:
    broken = next(at for at, path in enumerate(paths) if path.name == "broken.png")
    assert check(paths, 4) == {broken: "broken.png is not an image."}


def test_a_batch_of_several_pieces_is_put_together(paths: list[Path], tmp_path: Path) -> None:
    many = [path for path in paths if path.name != "broken.png"] * 12
    many[70] = tmp_path / "gone.png"
    assert check(many, 2 * PIECE + 5) == {70: "gone.png does not exist any more."}


@pytest.mark.slow
def test_all_batches_may_be_kept(paths: list[Path]) -> None:
    many = paths * 20
    batches = list(decode_batches(many, INPUT, 4))
    slots = isolation.num_processes() * PIECES_AHEAD + 1 + BATCHES_HELD
    assert len(batches) > slots  # The others are copies
    for batch in batches:
        for place, square in zip(batch.positions, batch.pixels, strict=True):
            np.testing.assert_array_equal(square, load_square(many[place], INPUT))


def test_decoding_can_end_early_and_begin_again(paths: list[Path]) -> None:
    batches = decode_batches(paths * 20, INPUT, 4)
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert check(paths, 4)


@pytest.mark.slow
@pytest.mark.usefixtures("odd_decoders")
def test_images_that_crash_hang_or_fill_the_memory_are_left_out(
    paths: list[Path], tmp_path: Path
) -> None:
    good = [path for path in paths if path.name != "broken.png"]
    for number, how in enumerate(["kill", "hang", "fill", "raise AssertionError"]):
        (tmp_path / f"odd-{number}.jpg").write_bytes(f"ODD load {how}".encode())
        good.insert(3 * number, tmp_path / f"odd-{number}.jpg")
    assert check(good, 4) == {
        0: "odd-0.jpg crashes the image decoder.",
        3: "odd-1.jpg takes longer than 20 seconds to decode.",
        6: "odd-2.jpg takes too much memory to decode.",
        9: "odd-3.jpg is damaged.",
    }
