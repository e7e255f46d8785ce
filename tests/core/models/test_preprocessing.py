"""Images become squares of normalized pixels, and back."""

import numpy as np
import pytest
import torch
from PIL import Image

from core.models.preprocessing import Preprocessing, denormalized, normalized, to_square

INPUT = Preprocessing(image_size=32)


def test_the_middle_is_cut_out_and_the_short_side_scaled() -> None:
    pixels = np.zeros((20, 60, 3), np.uint8)
    pixels[:, 20:40] = 200
    square = to_square(Image.fromarray(pixels), Preprocessing(image_size=10))
    assert square.shape == (3, 10, 10)
    assert square.dtype == np.uint8
    assert (square[:, :, 1:-1] == 200).all()


@pytest.mark.parametrize("size", [(7, 300), (300, 7), (1, 1), (33, 32)])
def test_odd_shapes_become_squares(size: tuple[int, int]) -> None:
    assert to_square(Image.new("RGB", size, "red"), INPUT).shape == (
        3,
        32,
        32,
    )


def test_normalized_gray_is_near_zero() -> None:
    gray = torch.full((1, 3, 2, 2), 116, dtype=torch.uint8)
    values = normalized(gray, INPUT)
    expected = (116 / 255 - 0.485) / 0.229
    assert values.shape == (1, 3, 2, 2)
    assert values.dtype == torch.float32
    assert values[0, 0, 0, 0].item() == pytest.approx(expected, abs=1e-6)


def test_pixels_come_back_from_what_the_network_reads() -> None:
    pixels = torch.arange(256, dtype=torch.uint8).repeat(3).reshape(1, 3, 16, 16)
    back = denormalized(normalized(pixels, INPUT), INPUT)
    assert (back.shape, back.dtype) == ((1, 3, 16, 16), torch.uint8)
    assert torch.equal(back, pixels)
    beyond = denormalized(torch.tensor([-9.0, 9.0, 0.0]).reshape(1, 3, 1, 1), INPUT)
    assert beyond.flatten().tolist() == [0, 255, 104]  # 0.406 of 255
