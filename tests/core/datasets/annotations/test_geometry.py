"""Boxes in images of every orientation, clipped, and the class that they give an image."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets.annotations.annotation import Annotation, Box
from core.datasets.annotations.geometry import clipped_box, main_label, upright_boxes
from core.images.decoding import open_image, read_header


def test_the_class_with_the_largest_area_is_that_of_the_image() -> None:
    small, large = Box("a", 0, 0, 0.2, 0.2), Box("b", 0, 0, 0.3, 0.3)
    assert main_label([small, large]) == "b"
    assert main_label([small, small, small, large]) == "a"  # 0.12 against 0.09
    assert main_label([]) is None


def test_of_equal_areas_more_boxes_count_then_the_name() -> None:
    half = Box("b", 0, 0, 0.5, 0.2)
    assert main_label([Box("a", 0, 0, 0.5, 0.4), half, half]) == "b"
    assert main_label([half, Box("a", 0.5, 0, 0.5, 0.2)]) == "a"


def test_boxes_are_clipped_to_the_image() -> None:
    assert clipped_box("a", -0.5, 0.25, 0.5, 2.0) == Box("a", 0, 0.25, 0.5, 0.75)
    for edges in [(1.0, 0, 2, 1), (0.5, 0, 0.5, 1), (0.5, 0, 0.4, 1), (float("nan"), 0, 1, 1)]:
        assert clipped_box("a", *edges) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_of_the_stored_pixels_frames_the_same_pixels_of_the_upright_image(
    tmp_path: Path, orientation: int
) -> None:
    """A white rectangle at 8, 4 to 24, 12 of 64 × 32 stored pixels."""
    stored = np.zeros((32, 64, 3), np.uint8)
    stored[4:12, 8:24] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
    header = read_header(tmp_path / "a.png")
    assert header.orientation == orientation
    box = Box("a", 8 / 64, 4 / 32, 16 / 64, 8 / 32)
    annotation = Annotation(boxes=(box,), size=(64, 32))
    [found] = upright_boxes(annotation, header.width, header.height, lambda: header.orientation)
    if orientation < 5:  # The size does not tell: the box counts as drawn on the upright image
        assert found == box
        return
    white = np.asarray(open_image(tmp_path / "a.png"))[:, :, 0] > 128
    rows, columns = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
    assert found.left * header.width == pytest.approx(columns[0])
    assert found.top * header.height == pytest.approx(rows[0])
    assert found.width * header.width == pytest.approx(len(columns))
    assert found.height * header.height == pytest.approx(len(rows))


def test_a_box_of_the_upright_pixels_stays_and_the_file_is_not_opened() -> None:
    annotation = Annotation(boxes=(Box("a", 0, 0, 0.5, 0.5),), size=(32, 64))
    for width, height in [(32, 64), (16, 32), (64, 64)]:
        assert upright_boxes(annotation, width, height, pytest.fail) == annotation.boxes
