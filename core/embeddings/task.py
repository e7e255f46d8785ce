"""`EmbeddingTask`: which images to embed and how, before any of them is read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.artifacts.folders import open_artifact
from core.artifacts.manifests import Manifest
from core.datasets.columns import ALL_IMAGES, ImageFilter, ImageRow, ImageStatus
from core.datasets.filters import as_settings
from core.datasets.registry import Dataset, open_dataset
from core.embeddings.config import EmbedConfig
from core.embeddings.encoding import Encoding
from core.models import preprocessing
from core.models.devices import choose_device
from core.workspace import Workspace

ENCODING_KEYS = ("flip", "precision", "preprocessing")
"""Settings that an embedding before whitening depends on, beside the model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingTask:
    """Which images to embed, and how."""

    dataset: Dataset
    model: Manifest
    config: EmbedConfig
    """With the precision resolved."""

    rows: list[ImageRow]
    """The images, by ascending id."""

    settings: dict[str, Any]
    """The manifest's config."""

    made_from: dict[str, str]

    @property
    def encoding(self) -> Encoding:
        """Return how images are embedded, without whitening."""
        return Encoding(
            model=self.model.id,
            model_fingerprint=self.model.fingerprint,
            flip=self.config.flip,
            precision=self.config.precision,
        )

    @property
    def uses_features(self) -> bool:
        """Return whether a head on cached features gives the embeddings: nothing was unfrozen."""
        return not self.model.config["network"]["trainable_blocks"] and not self.config.flip

    @property
    def stem(self) -> str:
        """Return the stem of the embeddings' id: the model's, with the dataset if it is another."""
        if self.model.made_from["dataset"] == self.dataset.name:
            return self.model.id
        return f"{self.dataset.name[:36]}-by-{self.model.id[:36]}"

    def can_reuse(self, manifest: Manifest) -> bool:
        """Return whether other embeddings are by the same model with the same settings."""
        is_same_model = manifest.made_from.get("model_fingerprint") == self.model.fingerprint
        return is_same_model and encoding_settings(manifest.config) == encoding_settings(
            self.settings
        )


def encoding_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that an embedding before whitening depends on."""
    return {name: settings.get(name) for name in ENCODING_KEYS}


def plan_embedding(
    workspace: Workspace,
    dataset_name: str,
    model_id: str,
    config: EmbedConfig,
    images: ImageFilter = ALL_IMAGES,
) -> EmbeddingTask:
    """Look up dataset, model and images.

    Raises:
        MissingError: There is no such dataset or model.
        ValueError: `images` includes others than usable ones.
    """
    if images.status != ImageStatus.USABLE:
        raise ValueError(f"only usable images are embedded, got {images.status}")
    dataset = open_dataset(workspace, dataset_name)
    model = open_artifact(workspace.models, model_id)
    config = config.resolved(quick_bfloat16=choose_device().bfloat16)
    catalog = dataset.catalog
    uses_labels_or_splits = images != ALL_IMAGES or config.whiten
    fingerprint = catalog.fingerprint if uses_labels_or_splits else catalog.images_fingerprint
    return EmbeddingTask(
        dataset=dataset,
        model=model,
        config=config,
        settings={
            "image_size": model.config["network"]["image_size"],
            "preprocessing": preprocessing.VERSION,
            **asdict(config),
            "images": as_settings(images),
        },
        made_from={
            "dataset": dataset.name,
            "dataset_fingerprint": fingerprint,
            "model": model_id,
            "model_fingerprint": model.fingerprint,
        },
        rows=catalog.rows(images),
    )
