from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from core.datasets.columns import Split
from core.datasets.sample import drawing as drawing_module
from core.datasets.sample.drawing import CLASSES, draw, draw_dataset
from core.datasets.splits import SplitConfig, stratified
from core.images.squares import CROP, square_image
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.preprocessing import Preprocessing, normalized
from core.progress import Progress, finish

INPUT = Preprocessing(image_size=32)

PER_CATEGORY = 60
Rows = NDArray[np.float32]


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    """Return the whole set, category by category."""
    return [draw(name, n).image for name in CLASSES for n in range(PER_CATEGORY)]


def recall_at_1(vectors: Rows) -> float:
    """Share of test pictures whose nearest train picture, by cosine, is of their category."""
    labels = np.repeat(np.arange(len(CLASSES)), len(vectors) // len(CLASSES))
    splits = stratified([(i, CLASSES[n]) for i, n in enumerate(labels)], SplitConfig())
    train = np.array([i for i in range(len(labels)) if splits[i] == Split.TRAIN])
    test = np.array([i for i in range(len(labels)) if splits[i] == Split.TEST])
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    nearest = train[(unit[test] @ unit[train].T).argmax(axis=1)]
    return float((labels[nearest] == labels[test]).mean())


def test_there_are_twelve_categories_in_lower_case() -> None:
    assert len(set(CLASSES)) == 12
    assert all(name.islower() for name in CLASSES)


@pytest.mark.parametrize("category", CLASSES)
def test_the_seed_fixes_a_drawing(category: str) -> None:
    first, again, other = draw(category, 3), draw(category, 3), draw(category, 3, seed=1)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.mask.tobytes() == again.mask.tobytes()
    assert first.image.tobytes() != other.image.tobytes()
    assert first.image.tobytes() != draw(category, 4).image.tobytes()


@pytest.mark.parametrize("size", [64, 128])
def test_a_drawing_is_an_rgb_square_and_its_mask_black_and_white(size: int) -> None:
    drawing = draw("cat", 0, size=size)
    assert (drawing.image.mode, drawing.image.size) == ("RGB", (size, size))
    assert (drawing.mask.mode, drawing.mask.size) == ("L", (size, size))
    assert set(np.unique(np.asarray(drawing.mask))) == {0, 255}


@pytest.mark.slow
@pytest.mark.parametrize("category", CLASSES)
def test_objects_take_a_tenth_to_a_quarter_of_the_picture(category: str) -> None:
    shares = [np.asarray(draw(category, n).mask).mean() / 255 for n in range(30)]
    assert min(shares) >= 0.10
    assert max(shares) <= 0.25


@pytest.mark.parametrize("category", CLASSES)
def test_the_mask_is_where_the_object_changes_the_picture(
    category: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawings = [draw(category, number) for number in range(4)]
    monkeypatch.setattr(drawing_module, "_painted", lambda *_: Image.new("RGBA", (128, 128)))
    with_it = np.stack([np.asarray(drawing.image, np.int16) for drawing in drawings])
    without = np.stack([np.asarray(draw(category, n).image, np.int16) for n in range(4)])
    change = np.abs(with_it - without)
    inside = np.stack([np.asarray(drawing.mask) == 255 for drawing in drawings])
    assert (change.max(axis=3)[inside] > 10).mean() > 0.985
    assert (change.max(axis=3)[~inside] > 100).mean() < 0.01  # its shadow changes less


def test_the_dataset_is_written_a_folder_a_category(tmp_path: Path) -> None:
    work = draw_dataset(tmp_path, per_class=2, size=32)
    assert next(work) == Progress(0, 24, "drawing")
    assert finish(work) == 24
    for kind, mode in (("images", "RGB"), ("masks", "L")):
        paths = sorted((tmp_path / kind).rglob("*.png"))
        assert [f"{path.parent.name}/{path.name}" for path in paths] == [
            f"{name}/{number}.png" for name in CLASSES for number in ("000", "001")
        ]
        with Image.open(paths[0]) as picture:
            assert (picture.mode, picture.size) == (mode, (32, 32))


@pytest.mark.slow
def test_pixels_alone_do_not_find_the_category(pictures: list[Image.Image]) -> None:
    small = [picture.resize((32, 32), Image.Resampling.BILINEAR) for picture in pictures]
    rows = np.stack([np.asarray(picture, np.float32).ravel() for picture in small])
    assert recall_at_1(rows) <= 0.5
    assert recall_at_1(rows - rows.mean(axis=0)) <= 0.5


@pytest.mark.slow
def test_mean_color_does_not_find_the_category(pictures: list[Image.Image]) -> None:
    rows = np.stack([np.asarray(p.resize((1, 1)), np.float32).ravel() for p in pictures])
    assert recall_at_1(rows - rows.mean(axis=0)) <= 0.2  # 1 in 12 by chance


@pytest.mark.slow
def test_an_untrained_network_does_not_find_the_category(pictures: list[Image.Image]) -> None:
    torch.manual_seed(0)
    config = NetworkConfig(backbone="vgg16_bn", trainable_blocks=5, num_classes=12, image_size=32)
    network = EmbeddingNetwork(config).eval()
    half = pictures[::2]  # a few seconds instead of ten
    pixels = torch.from_numpy(
        np.stack(
            [
                np.asarray(square_image(picture, 32, "bilinear", CROP)).transpose(2, 0, 1)
                for picture in half
            ]
        )
    )
    with torch.inference_mode():
        rows = torch.cat([network(normalized(batch, INPUT))[0] for batch in pixels.split(80)])
    assert recall_at_1(rows.numpy()) <= 0.6
