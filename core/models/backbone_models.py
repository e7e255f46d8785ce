"""Backbone models: a pre-trained backbone with a PCA, usable as a model without training.

Shapes, in this file: N images, B images of a batch, S pixels a side, F pooled features, D embedding
dimensions.
"""

import random
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from core.artifacts.folders import draft, publish
from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset, open_dataset
from core.datasets.splits import training_filter
from core.errors import WorkbenchError
from core.jobs.background import run_in_thread
from core.models.backbone_model_config import BackboneModelConfig
from core.models.backbone_weights import load_backbone
from core.models.batches import decode_batches
from core.models.devices import Device, choose_device
from core.models.features import FeatureStore, has_storable_features
from core.models.inference import for_inference
from core.models.model import extract_features, is_usable, write_weights
from core.models.network import EmbeddingNetwork, NetworkConfig
from core.models.passes import as_start, forward_passes
from core.progress import Progress, Work
from core.workspace import Workspace

if TYPE_CHECKING:
    from sklearn.decomposition import PCA

MIN_VARIANCE = 1e-9
"""Share of the largest component's variance; a component below it is rounding noise."""


def fit_backbone_model(workspace: Workspace, config: BackboneModelConfig) -> Work[Manifest]:
    """Make a model of a pre-trained backbone: pooled features, projected by a PCA of train images.

    The PCA is written into the network, so the model is used, exported and evaluated like a trained
    one. It has no classes.

    Raises:
        MissingError: There is no such dataset or weights file.
        DownloadError: The download failed.
        WorkbenchError: The weights do not fit, or there are too few images for the dimension.
    """
    dataset = open_dataset(workspace, config.dataset)
    fingerprint = dataset.catalog.fingerprint
    rows = _sample(dataset.catalog.rows(training_filter(dataset.catalog)), config)
    _refuse_too_few(dataset, len(rows), config.dimension)
    backbone_weights = yield from load_backbone(
        workspace, config.backbone, config.weights, config.image_size
    )
    device = choose_device()
    network = build_unfitted(config, backbone_weights).to(device.name)
    features, num_problems = yield from _features(workspace, network, device, dataset, rows)
    _refuse_too_few(dataset, len(features), config.dimension)
    if not np.isfinite(features).all():
        raise _unusable(config)
    pca = yield from _fit_pca(features, config)
    _set_projection(network, pca, config)
    if not is_usable(network, device):
        raise _unusable(config)
    with draft(workspace.models) as folder:
        write_weights(network, folder)
        return publish(
            folder,
            kind="model",
            stem=f"{config.dataset[:40]}-{config.backbone}-pca",
            config={"backbone_model": asdict(config), "network": asdict(network.config)},
            made_from={"dataset": config.dataset, "dataset_fingerprint": fingerprint},
            summary=_summary(pca, len(features), num_problems),
        )


def pooled_features(
    network: EmbeddingNetwork, device: Device, pixels: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """Return the input of the projection.

    Args:
        network: On the device.
        device: Device and precision.
        pixels: (B, 3, S, S) uint8.

    Returns:
        (B, F) float32.
    """
    with torch.inference_mode():
        features = extract_features(network, device, pixels)
        pooled: NDArray[np.float32] = network.pooled(features).cpu().numpy()
    return pooled


def _sample(rows: list[ImageRow], config: BackboneModelConfig) -> list[ImageRow]:
    if len(rows) <= config.max_images:
        return rows
    chosen = random.Random(config.seed).sample(range(len(rows)), config.max_images)
    return [rows[position] for position in sorted(chosen)]


def _refuse_too_few(dataset: Dataset, count: int, dimension: int) -> None:
    if count <= dimension:
        raise WorkbenchError(
            f"{dimension}-dimensional embeddings need at least {dimension + 1} readable train "
            f"images; “{dataset.name}” has {count}.",
            "Choose a smaller dimension, or add images.",
        )


def _unusable(config: BackboneModelConfig) -> WorkbenchError:
    return WorkbenchError(
        f"These weights of {config.backbone} give no usable embeddings: they are not finite, or "
        "the same for all images.",
        "Choose other weights.",
    )


def build_unfitted(
    config: BackboneModelConfig, backbone_weights: dict[str, Tensor]
) -> EmbeddingNetwork:
    """Build the network with a random projection, to be replaced by the PCA."""
    settings = NetworkConfig(
        backbone=config.backbone,
        trainable_blocks=0,
        dimension=config.dimension,
        batch_norm=False,
        image_size=config.image_size,
        pooling=config.pooling,
    )
    network = EmbeddingNetwork(settings)
    network.load_backbone(backbone_weights)
    return network.eval()


def _features(
    workspace: Workspace,
    network: EmbeddingNetwork,
    device: Device,
    dataset: Dataset,
    rows: list[ImageRow],
) -> Work[tuple[NDArray[np.float32], int]]:
    """Return the (N, F) features of the readable images, and the number of unreadable ones.

    They are cached, so that embedding the images needs no other pass. The cache is not read here:
    it rounds to float16, which would change the projection.
    """
    store = None
    if has_storable_features(network):
        store = FeatureStore(workspace, network, bfloat16=device.bfloat16)
    paths = [dataset.path_of(row) for row in rows]
    features = np.empty((len(rows), network.project.in_features), np.float32)
    folded = for_inference(network)
    filled = done = 0
    run = as_start(lambda batch: pooled_features(folded, device, batch.pixels))
    try:
        batches = decode_batches(paths, network.config.preprocessing, device.batch_size)
        for batch, pooled in forward_passes(batches, run, device):
            if pooled is not None:
                features[filled : filled + len(pooled)] = pooled
                filled += len(pooled)
                if store:
                    images = [rows[at] for at in batch.positions]
                    store.add_images(dataset, images, pooled.astype(np.float16))
            done += len(batch.positions) + len(batch.problems)
            yield Progress(done, len(rows), "running the backbone")
    finally:
        if store:
            store.flush()
    return features[:filled], done - filled


def _fit_pca(features: NDArray[np.float32], config: BackboneModelConfig) -> "Work[PCA]":
    from sklearn.decomposition import PCA  # Its import takes a second

    pca = PCA(
        config.dimension, whiten=config.whiten, svd_solver="randomized", random_state=config.seed
    )
    yield from run_in_thread(lambda: pca.fit(features), "fitting the projection")
    variance = pca.explained_variance_
    different = int((variance > MIN_VARIANCE * variance[0]).sum())
    if different < config.dimension:
        raise WorkbenchError(
            f"The {len(features)} train images differ too little: they vary in {different} "
            f"dimensions, and the embeddings have {config.dimension}.",
            "Choose a smaller dimension, or add other images.",
        )
    return pca


def _set_projection(network: EmbeddingNetwork, pca: "PCA", config: BackboneModelConfig) -> None:
    """Set the network's projection to the PCA's `transform`."""
    matrix = pca.components_.astype(np.float64)
    if config.whiten:
        matrix /= np.sqrt(pca.explained_variance_)[:, None]
    with torch.no_grad():
        network.project.weight.copy_(torch.from_numpy(matrix))
        network.project.bias.copy_(torch.from_numpy(-matrix @ pca.mean_))


def _summary(pca: "PCA", num_train: int, num_problems: int) -> dict[str, object]:
    """Return a trained model's summary, as far as it applies."""
    return {
        "classes": [],
        "best_epoch": 0,
        "epochs_trained": 0,
        "num_train": num_train,
        "num_validation": 0,
        "num_problems": num_problems,
        "explained_variance": float(pca.explained_variance_ratio_.sum()),
    }
