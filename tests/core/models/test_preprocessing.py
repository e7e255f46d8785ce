"""Images become squares of normalized pixels, and back."""

import pytest
import torch

from core.models.preprocessing import Preprocessing, denormalized, normalized

INPUT = Preprocessing(image_size=32)


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
