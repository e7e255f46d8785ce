"""The functions that decode elsewhere give what decoding in this process does."""

import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import UnreadableImageError, WorkbenchError
from core.images import decoding, isolation
from core.images.cropping import Crop, crop_image
from core.images.formats import FORMATS
from core.images.hashing import perceptual_hash
from core.images.squares import square_image
from core.images.thumbnails import encode_thumbnail
from tests.support.mutants import seed_image

SQUARE = isolation.SquareOptions(side=16, interpolation="bilinear", fit="crop")
RIGHT = Crop(left=0.5)


@pytest.mark.parametrize("format", FORMATS)
def test_files_and_uploads_give_the_same_as_in_this_process(tmp_path: Path, format: str) -> None:
    content = seed_image(format)
    path = tmp_path / "image"
    path.write_bytes(content)
    image = decoding.open_image(path)
    cropped = np.asarray(square_image(crop_image(image, RIGHT), 16, "bilinear", "crop"))
    for source in (path, BytesIO(content)):
        assert isolation.read_header(source) == decoding.read_header(path)
        assert isolation.check_image(source) == decoding.read_header(path)
        np.testing.assert_array_equal(isolation.load_square(source, SQUARE, crop=RIGHT), cropped)
        assert isolation.make_thumbnail(source, 64) == encode_thumbnail(image, 64)
    verified = isolation.verify_image(path, 64)
    assert verified.perceptual == perceptual_hash(image)
    assert verified.thumbnail == encode_thumbnail(image, 64)


def test_a_square_may_be_changed() -> None:
    square = isolation.load_square(BytesIO(seed_image("PNG")), SQUARE)
    square += 1
    assert square.shape == (16, 16, 3)


def test_errors_are_those_of_this_process(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match=r"^mine is not an image. Use a JPEG"):
        isolation.check_image(BytesIO(b"hello"), name="mine")
    with pytest.raises(UnreadableImageError, match=r"^cat \\udcff.jpg does not exist any more"):
        isolation.read_header(tmp_path / "cat \udcff.jpg")
    with pytest.raises(WorkbenchError, match="too small") as caught:
        isolation.load_square(BytesIO(seed_image("PNG")), SQUARE, crop=Crop(right=0.01))
    assert not isinstance(caught.value, UnreadableImageError)


def test_a_pipe_is_refused_and_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnreadableImageError, match=r"^pipe.jpg is a pipe, socket or device"):
        isolation.check_image(tmp_path / "pipe.jpg")


def test_an_image_of_one_color_has_no_hash(tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "flat.png")
    assert isolation.verify_image(tmp_path / "flat.png", 64).perceptual is None
