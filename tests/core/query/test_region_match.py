"""Why two images are alike: what each place adds, checked by hand and against the embeddings."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from core.embeddings.config import Precision
from core.embeddings.encoding import Encoder, Encoding
from core.embeddings.whitening import Whitening, fit_whitening
from core.errors import WorkbenchError
from core.models.backbones import BACKBONES
from core.models.devices import Device
from core.models.model import Model
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.pooling import Pooling, build_pool, num_features
from core.models.preprocessing import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    Preprocessing,
    normalized,
)
from core.models.spatial_attribution import spatial_attribution
from core.query.region_match import RegionComparison, compare_regions, enlarged, object_lift
from core.workspace import Workspace
from tests.factories.networks import EVERY_BACKBONE, SIDE, fit_norms, publish_network

INPUT = Preprocessing(image_size=SIDE)

CPU = Device("cpu", bfloat16=False)
Pixels = NDArray[np.uint8]
BLACK, RED, GREEN, BLUE = (0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 0, 255)
HALF = 1 / np.sqrt(2)


def noise(count: int, side: int = SIDE) -> Pixels:
    """Pictures of coarse blocks, whose places differ."""
    coarse = np.random.default_rng(0).integers(0, 256, (count, 3, side // 8, side // 8))
    return np.kron(coarse, np.ones((8, 8))).astype(np.uint8)


def colors(*places: tuple[int, int, int]) -> Pixels:
    """A picture of 2 x 2 pixels: (3, 2, 2)."""
    return np.array(places, np.uint8).T.reshape(3, 2, 2)


def by_hand(pool: nn.Module | None = None, shift: float = 0.0) -> EmbeddingNetwork:
    """A network whose embedding is the pooled color in [0, 1], plus a shift."""
    network = EmbeddingNetwork(NetworkConfig(backbone="resnet18", batch_norm=False, image_size=32))
    color = nn.Conv2d(3, 3, 1)  # Undoes the preprocessing
    color.weight = nn.Parameter(torch.diag(torch.tensor(IMAGENET_DEVIATION))[..., None, None])
    color.bias = nn.Parameter(torch.tensor(IMAGENET_MEAN))
    network.frozen, network.tail = nn.Sequential(color), nn.Sequential()
    network.pool = pool or nn.AdaptiveAvgPool2d(1)
    network.project = nn.Linear(3, 3)
    network.project.weight = nn.Parameter(torch.eye(3))
    network.project.bias = nn.Parameter(torch.full((3,), shift))
    return network.eval()


def encoder_of(
    model: Model,
    *,
    network: EmbeddingNetwork | None = None,
    flip: bool = False,
    whitening: Whitening | None = None,
    precision: Precision = Precision.FLOAT32,
) -> Encoder:
    used = network or model.network
    opened = Model(model.manifest, model.config, used, model.classes, CPU)
    encoding = Encoding(
        model=model.id,
        model_fingerprint=model.manifest.fingerprint,
        flip=flip,
        whitening=whitening,
        precision=precision,
    )
    return Encoder(opened, encoding)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Some model; 2 x 2 places."""
    home = tmp_path_factory.mktemp("home")
    return publish_network(Workspace(home), backbone="resnet18", trainable_blocks=4)


@pytest.fixture
def encoder(model: Model) -> Encoder:
    return encoder_of(model)


# What a place adds to an embedding


@pytest.mark.slow
@pytest.mark.parametrize("backbone", EVERY_BACKBONE)
def test_what_the_places_add_is_the_embedding_before_its_length_is_made_one(backbone: str) -> None:
    network = EmbeddingNetwork(NetworkConfig(backbone=backbone, image_size=SIDE, pooling="max"))
    fit_norms(network, SIDE)
    with torch.inference_mode():
        pixels = normalized(torch.from_numpy(noise(2)), network.config.preprocessing)
        features = network.extract_features(pixels)
    for pooling in Pooling:
        network.pool = build_pool(BACKBONES[backbone], pooling)
        network.project = nn.Linear(num_features(BACKBONES[backbone], pooling), 128)

        parts = spatial_attribution(network, CPU, noise(2))

        side = SIDE // (16 if backbone.startswith("vgg") else 32)
        assert parts.shape == (2, side, side, 128)
        assert parts.dtype == np.float32
        with torch.inference_mode():
            whole = network.normalize(network.project(network.pooled(features))).numpy()
        np.testing.assert_allclose(parts.sum(axis=(1, 2)), whole, atol=1e-5 * np.abs(whole).max())


def test_under_an_average_each_place_adds_a_quarter_of_its_color() -> None:
    [parts] = spatial_attribution(by_hand(), CPU, colors(RED, GREEN, BLACK, BLACK)[None])
    expected = [[[0.25, 0, 0], [0, 0.25, 0]], [[0, 0, 0], [0, 0, 0]]]
    np.testing.assert_allclose(parts, np.array(expected), atol=1e-6)


def test_a_shift_belongs_to_all_places_in_equal_parts() -> None:
    [parts] = spatial_attribution(by_hand(shift=-0.4), CPU, colors(RED, GREEN, BLACK, BLACK)[None])
    expected = [[[0.15, -0.1, -0.1], [-0.1, 0.15, -0.1]], [[-0.1] * 3, [-0.1] * 3]]
    np.testing.assert_allclose(parts, np.array(expected), atol=1e-6)


def test_under_a_maximum_only_the_greatest_value_adds() -> None:
    picture = colors((200, 0, 0), (100, 255, 0), BLACK, BLACK)[None]
    [parts] = spatial_attribution(by_hand(nn.AdaptiveMaxPool2d(1)), CPU, picture)
    expected = [[[200 / 255, 0, 0], [0, 1, 0]], [[0, 0, 0], [0, 0, 0]]]
    np.testing.assert_allclose(parts, np.array(expected), atol=1e-6)


def test_what_the_last_max_pool_hears_belongs_to_the_places_next_to_it_too() -> None:
    network = by_hand()
    network.tail = nn.Sequential(nn.MaxPool2d(2))
    [parts] = spatial_attribution(network, CPU, colors(RED, BLACK, BLACK, BLACK)[None])
    reds = parts[..., 0]
    assert reds[0, 0] > reds[0, 1] > reds[1, 1] > 0.02
    assert reds[0, 1] == pytest.approx(reds[1, 0])
    assert reds.sum() == pytest.approx(1)
    np.testing.assert_allclose(parts[..., 1:], 0, atol=1e-6)


# What pairs of places add to a similarity


@pytest.mark.slow
def test_only_what_both_have_makes_two_pictures_alike(model: Model) -> None:
    query, match = colors(RED, GREEN, BLACK, BLACK), colors(BLUE, BLACK, BLACK, RED)
    made = compare_regions(encoder_of(model, network=by_hand()), query, match)

    assert made.similarity == pytest.approx(1 / 2)  # (1, 1, 0) and (1, 0, 1), each over √2
    np.testing.assert_allclose(made.query_heat, np.array([[0.5, 0], [0, 0]]), atol=1e-6)
    np.testing.assert_allclose(made.match_heat, np.array([[0, 0], [0, 0.5]]), atol=1e-6)
    assert made.matrix[0, 0, 1, 1] == pytest.approx(0.5)  # Red and red
    assert np.count_nonzero(np.abs(made.matrix) > 1e-6) == 1
    assert {a.dtype for a in (made.query_heat, made.match_heat, made.matrix)} == {
        np.dtype(np.float32)
    }


def test_what_speaks_against_is_negative(model: Model) -> None:
    network = by_hand()
    weight = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, 0]])
    weight[1] = torch.tensor([0.0, 1.0, -1.0])  # Green and blue are opposites
    network.project.weight = nn.Parameter(weight)
    query, match = colors(RED, GREEN, BLACK, BLACK), colors(RED, BLUE, BLACK, BLACK)
    made = compare_regions(encoder_of(model, network=network), query, match)
    assert made.similarity == pytest.approx(0.0, abs=1e-6)
    np.testing.assert_allclose(made.query_heat, np.array([[0.5, -0.5], [0, 0]]), atol=1e-6)


def holds_together(made: RegionComparison) -> None:
    """Assert that heat maps and matrix add up to the similarity."""
    for values in (made.query_heat, made.match_heat, made.matrix):
        assert values.sum(dtype=np.float64) == pytest.approx(made.similarity, abs=1e-5)
    np.testing.assert_allclose(made.matrix.sum(axis=(2, 3)), made.query_heat, atol=1e-5)
    np.testing.assert_allclose(made.matrix.sum(axis=(0, 1)), made.match_heat, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("flip", "whiten"), [(False, False), (True, True)])
def test_all_adds_up_to_the_similarity_of_what_is_searched(
    model: Model, flip: bool, whiten: bool
) -> None:
    plain, _ = encoder_of(model).embed(noise(200))
    whitening = fit_whitening(plain) if whiten else None
    encoder = encoder_of(model, flip=flip, whitening=whitening)
    pixels = noise(2)

    made = compare_regions(encoder, *pixels)

    [query, match], _ = encoder.embed(pixels)
    assert made.similarity == pytest.approx(float(query @ match), abs=1e-5)
    assert made.query_heat.shape == made.match_heat.shape == (2, 2)
    assert made.matrix.shape == (2, 2, 2, 2)
    holds_together(made)


def test_mirror_images_are_alike_at_mirrored_places(model: Model) -> None:
    picture = colors(RED, GREEN, BLACK, BLACK)
    encoder = encoder_of(model, network=by_hand(), flip=True)
    made = compare_regions(encoder, picture, np.ascontiguousarray(picture[..., ::-1]))
    assert made.similarity == pytest.approx(1)
    np.testing.assert_allclose(made.query_heat, np.array([[0.5, 0.5], [0, 0]]), atol=1e-6)
    assert made.matrix[0, 0, 0, 1] == pytest.approx(0.5)  # Red, left and right
    assert made.matrix[0, 0, 0, 0] == pytest.approx(0, abs=1e-6)


def test_whitening_takes_its_mean_from_all_places(model: Model) -> None:
    mean = np.array([0.6, 0, 0], np.float32)
    whitening = Whitening(mean, np.diag(np.array([1, 2, 1], np.float32)))
    picture = colors(RED, GREEN, BLACK, BLACK)
    made = compare_regions(
        encoder_of(model, network=by_hand(), whitening=whitening), picture, picture
    )
    # Each place loses 0.15 of red; red has √½ - 0.15 of it then, and green 2 √½
    parts = np.array([[HALF - 0.15, 0], [-0.15, 2 * HALF], [-0.15, 0], [-0.15, 0]])
    whole = parts.sum(axis=0)
    expected = parts @ whole / (whole @ whole)
    np.testing.assert_allclose(made.query_heat.ravel(), expected, atol=1e-6)


def test_query_and_match_can_be_exchanged(encoder: Encoder) -> None:
    one, other = noise(2)
    made, exchanged = compare_regions(encoder, one, other), compare_regions(encoder, other, one)
    np.testing.assert_allclose(made.query_heat, exchanged.match_heat, atol=1e-6)
    np.testing.assert_allclose(made.matrix, exchanged.matrix.transpose(2, 3, 0, 1), atol=1e-6)


def test_an_image_is_itself_at_each_place(encoder: Encoder) -> None:
    [one] = noise(1)
    made = compare_regions(encoder, one, one)
    assert made.similarity == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(made.query_heat, made.match_heat, atol=1e-6)
    diagonal = made.matrix.reshape(4, 4).diagonal()
    assert (diagonal > 0).all()  # A place's product with itself is a squared length


def test_it_is_computed_in_float32_whatever_the_index_was(model: Model) -> None:
    pixels = noise(2)
    plain = compare_regions(encoder_of(model), *pixels)
    coarse = compare_regions(encoder_of(model, precision=Precision.BFLOAT16), *pixels)
    np.testing.assert_array_equal(plain.matrix, coarse.matrix)


def test_nothing_of_the_model_is_changed(model: Model) -> None:
    before = {key: value.clone() for key, value in model.network.state_dict().items()}
    compare_regions(encoder_of(model), *noise(2))
    assert all(torch.equal(before[key], now) for key, now in model.network.state_dict().items())
    assert all(parameter.grad is None for parameter in model.network.parameters())


def test_an_embedding_of_zeros_is_refused(model: Model) -> None:
    network = by_hand()
    nn.init.zeros_(network.project.weight)
    picture = colors(RED, GREEN, BLACK, BLACK)
    with pytest.raises(WorkbenchError, match="zero, not finite"):
        compare_regions(encoder_of(model, network=network), picture, picture)


def test_a_map_is_enlarged_smoothly() -> None:
    large = enlarged(np.array([[0, 1], [0, 1]], np.float32), 4)
    assert large.dtype == np.float32
    np.testing.assert_allclose(large, np.array([[0, 0.25, 0.75, 1]] * 4))


def test_the_hottest_tenth_is_held_against_the_objects_share() -> None:
    heat = np.zeros((10, 10), np.float32)
    heat[0] = 1  # The hottest tenth is the first row
    inside = np.zeros((10, 10), np.bool_)
    inside[:2] = True  # A fifth of the picture
    assert object_lift(heat, inside) == pytest.approx(5)
    assert object_lift(heat, inside[::-1]) == 0
    inside[:2, 5:] = False
    assert object_lift(heat, inside) == pytest.approx(5)  # Half inside, at half the share
    with pytest.raises(ValueError, match="True somewhere"):
        object_lift(heat, np.zeros((10, 10), np.bool_))
