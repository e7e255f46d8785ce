"""Images become squares: the middle of the scaled image, or all of it."""

import numpy as np
import pytest
from PIL import Image

from core.images.squares import CROP, SQUASH, square_image


def test_the_middle_is_cut_out_and_the_short_side_scaled() -> None:
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 200
    square = np.asarray(square_image(Image.fromarray(pixels), 10, "bilinear", CROP))
    assert square.shape == (10, 10, 3)
    assert (square[:, 1:-1] == 200).all()


def test_a_squashed_image_keeps_both_ends() -> None:
    pixels = np.zeros((10, 40, 3), np.uint8)
    pixels[:, 20:] = 200
    square = np.asarray(square_image(Image.fromarray(pixels), 10, "bilinear", SQUASH))
    assert (square[0, :4, 0].tolist(), square[0, 6:, 0].tolist()) == ([0] * 4, [200] * 4)


@pytest.mark.parametrize("size", [(7, 300), (300, 7), (1, 1), (33, 32)])
def test_odd_shapes_become_squares(size: tuple[int, int]) -> None:
    assert square_image(Image.new("RGB", size, "red"), 32, "bicubic", CROP).size == (32, 32)
