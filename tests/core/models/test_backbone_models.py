"""A pre-trained backbone becomes a model by a PCA, which is scikit-learn's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from core.datasets.columns import ImageFilter, Split
from core.datasets.registry import Dataset
from core.embeddings.embed import embed_dataset
from core.errors import MissingError, WorkbenchError
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.lineage.graph import read_lineage
from core.models.backbone_model_config import BackboneModelConfig
from core.models.backbone_models import fit_backbone_model, pooled_features
from core.models.batches import load_square
from core.models.devices import Device
from core.models.model import Model, load_model
from core.models.preprocessing import Preprocessing
from core.models.torch_export import export_torch
from core.progress import Progress, finish
from core.workspace import Workspace
from state.selection_rules import validate
from state.session import Selection
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders
from tests.factories.networks import backbone_file
from tests.factories.small_backbones import CHANNELS

pytestmark = pytest.mark.usefixtures("small_networks")

SIDE = 32
INPUT = Preprocessing(image_size=SIDE)
NUM_TRAIN = 21  # Of 10 images a class 1 validates and 2 are tested


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    return backbone_file(tmp_path_factory.mktemp("weights") / "own.pth", "resnet18", SIDE)


@pytest.fixture
def dataset(workspace: Workspace, tmp_path: Path) -> Dataset:
    return bring_in(workspace, class_folders(tmp_path / "in", red=10, green=10, blue=10))


@pytest.fixture
def config(weights: Path) -> BackboneModelConfig:
    return BackboneModelConfig(
        dataset="colors",
        backbone="resnet18",
        weights=str(weights),
        dimension=8,
        image_size=SIDE,
    )


@pytest.fixture(autouse=True)
def float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers on every machine."""
    monkeypatch.setattr("core.models.backbone_models.choose_device", lambda: Device("cpu", False))


def pixels_of(dataset: Dataset, images: ImageFilter) -> NDArray[np.uint8]:
    rows = dataset.catalog.rows(images)
    return np.stack([load_square(dataset.path_of(row), INPUT) for row in rows])


def features_of(model: Model, dataset: Dataset, images: ImageFilter) -> NDArray[np.float32]:
    return pooled_features(model.network, Device("cpu", False), pixels_of(dataset, images))


TRAIN, TEST = ImageFilter(splits=(Split.TRAIN,)), ImageFilter(splits=(Split.TEST,))


@pytest.mark.parametrize("whiten", [False, True])
def test_the_projection_is_scikit_learns_own_of_train_images_alone(
    workspace: Workspace, dataset: Dataset, config: BackboneModelConfig, whiten: bool
) -> None:
    made = finish(fit_backbone_model(workspace, replace(config, whiten=whiten)))
    model = load_model(workspace, made.id)

    train, test = features_of(model, dataset, TRAIN), features_of(model, dataset, TEST)
    pca = PCA(8, whiten=whiten, svd_solver="randomized", random_state=0).fit(train)
    expected = pca.transform(test)

    assert (train.shape, train.dtype.name) == ((NUM_TRAIN, CHANNELS), "float32")
    projected = model.network.project(torch.from_numpy(test)).detach().numpy()
    np.testing.assert_allclose(projected, expected, atol=1e-4 * np.abs(expected).max())
    embeddings, probabilities = model.embed(pixels_of(dataset, TEST))
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(embeddings, expected, atol=1e-3)
    assert probabilities.shape == (len(test), 0)


def test_whitened_train_images_have_the_same_variance_in_each_component(
    workspace: Workspace, dataset: Dataset, config: BackboneModelConfig
) -> None:
    made = finish(fit_backbone_model(workspace, replace(config, whiten=True)))
    model = load_model(workspace, made.id)
    features = torch.from_numpy(features_of(model, dataset, TRAIN))
    projected = model.network.project(features).detach().numpy()
    np.testing.assert_allclose(np.cov(projected.T), np.eye(8), atol=1e-3)


def test_the_model_is_listed_beside_trained_ones(
    workspace: Workspace, dataset: Dataset, config: BackboneModelConfig
) -> None:
    made = finish(fit_backbone_model(workspace, config))
    assert made.id == "colors-resnet18-pca"
    assert made.made_from == {
        "dataset": "colors",
        "dataset_fingerprint": dataset.catalog.fingerprint,
    }
    assert (made.summary["classes"], made.summary["num_train"]) == ([], NUM_TRAIN)
    assert 0 < made.summary["explained_variance"] <= 1
    assert made.config["backbone_model"]["pooling"] == made.config["network"]["pooling"] == "gem"
    lineage = read_lineage(workspace)
    assert lineage.models_of("colors") == [lineage.model(made.id)]
    assert lineage.stale_reason(made) == ""
    chosen = Selection()
    validate(chosen, lineage)
    assert chosen.model == made.id


def test_it_is_indexed_and_exported_as_any_other(
    workspace: Workspace, dataset: Dataset, config: BackboneModelConfig
) -> None:
    made = finish(fit_backbone_model(workspace, config))
    embeddings = finish(embed_dataset(workspace, "colors", made.id))
    index = finish(build_index(workspace, embeddings.id, IndexConfig()))
    assert (index.summary["count"], index.summary["dimension"]) == (30, 8)
    assert finish(export_torch(workspace, made.id)).is_file()


def test_the_same_seed_gives_the_same_model(
    workspace: Workspace, dataset: Dataset, config: BackboneModelConfig
) -> None:
    drawn = replace(config, max_images=15)
    made = [finish(fit_backbone_model(workspace, drawn)) for _ in range(2)]
    other = finish(fit_backbone_model(workspace, replace(drawn, seed=1)))
    assert made[0].files == made[1].files != other.files
    assert made[0].summary["num_train"] == 15


def test_without_splits_all_images_count(
    workspace: Workspace, dataset: Dataset, config: BackboneModelConfig
) -> None:
    dataset.catalog.set_splits(dict.fromkeys(dataset.catalog.ids(), None))
    assert finish(fit_backbone_model(workspace, config)).summary["num_train"] == 30


@pytest.mark.parametrize("unreadable", [0, 13])
def test_too_few_images_are_refused_with_the_number_needed(
    workspace: Workspace, dataset: Dataset, config: BackboneModelConfig, unreadable: int
) -> None:
    rows = dataset.catalog.rows(TRAIN)
    for row in rows[:unreadable]:
        dataset.path_of(row).unlink()
    dimension = 8 if unreadable else 64
    with pytest.raises(WorkbenchError) as caught:
        finish(fit_backbone_model(workspace, replace(config, dimension=dimension)))
    assert caught.value.problem == (
        f"{dimension}-dimensional embeddings need at least {dimension + 1} readable train images; "
        f"“colors” has {NUM_TRAIN - unreadable}."
    )
    assert caught.value.advice == "Choose a smaller dimension, or add images."
    assert not list(workspace.models.glob("*"))


def test_equal_images_are_refused(
    workspace: Workspace, tmp_path: Path, config: BackboneModelConfig
) -> None:
    root = class_folders(tmp_path / "few", red=1, blue=1)
    for folder in root.iterdir():
        for copy in range(1, 15):
            (folder / f"{copy:03}.png").write_bytes((folder / "000.png").read_bytes())
    bring_in(workspace, root)
    with pytest.raises(WorkbenchError, match="differ too little: they vary in 1 dimensions"):
        finish(fit_backbone_model(workspace, config))


@pytest.mark.parametrize(
    "note", ["reading the pre-trained weights", "running the backbone", "fitting the projection"]
)
def test_an_interrupted_fit_leaves_nothing(
    workspace: Workspace, dataset: Dataset, config: BackboneModelConfig, note: str
) -> None:
    work = fit_backbone_model(workspace, config)
    for event in work:
        if isinstance(event, Progress) and note in event.note:
            break
    else:
        pytest.fail(f"no progress with “{note}”")
    work.close()
    assert not list(workspace.models.glob("*"))


def test_a_missing_weights_file_is_refused(
    workspace: Workspace, dataset: Dataset, config: BackboneModelConfig
) -> None:
    with pytest.raises(MissingError, match="There is no file"):
        finish(fit_backbone_model(workspace, replace(config, weights="nowhere.pth")))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": "none"}, "weights must be pretrained or a file"),
        ({"weights": ""}, "weights must be pretrained or a file"),
        ({"pooling": "sum"}, "pooling must be one of"),
        ({"dimension": CHANNELS + 1}, rf"dimension must be in 8\.\.{CHANNELS}"),
        ({"max_images": 8}, r"max_images must be in 9\.\."),
        ({"dimension": 30, "max_images": 30}, r"max_images must be greater than dimension \(30\)"),
    ],
)
def test_settings_out_of_range_are_refused(
    config: BackboneModelConfig, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        replace(config, **change)  # type: ignore[arg-type]
