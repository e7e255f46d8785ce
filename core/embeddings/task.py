"""Which images are to be embedded, and how: all that is known before one of them is read."""

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
"""Settings that an embedding depends on before it is whitened, beside its model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingTask:
    """What is to be embedded, and how."""

    dataset: Dataset
    model: Manifest
    config: EmbedConfig
    """With the precision resolved."""

    rows: list[ImageRow]
    """The images wanted, by id ascending."""

    settings: dict[str, Any]
    """The manifest's config, as JSON has it."""

    made_from: dict[str, str]

    @property
    def encoding(self) -> Encoding:
        """How images are encoded, whitening left out."""
        return Encoding(
            model=self.model.id,
            model_fingerprint=self.model.fingerprint,
            flip=self.config.flip,
            precision=self.config.precision,
        )

    @property
    def stem(self) -> str:
        """The embeddings' name: their model's, and the dataset's where that is another one."""
        if self.model.made_from["dataset"] == self.dataset.name:
            return self.model.id
        return f"{self.dataset.name[:36]}-by-{self.model.id[:36]}"

    def can_take_from(self, manifest: Manifest) -> bool:
        """Say whether other embeddings were made by the same model in the same way."""
        is_same_model = manifest.made_from.get("model_fingerprint") == self.model.fingerprint
        return is_same_model and encoding_settings(manifest.config) == encoding_settings(
            self.settings
        )


def encoding_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an embedding depends on, of the settings of some embeddings."""
    return {name: settings.get(name) for name in ENCODING_KEYS}


def plan_embedding(
    workspace: Workspace,
    dataset_name: str,
    model_id: str,
    config: EmbedConfig,
    images: ImageFilter = ALL_IMAGES,
) -> EmbeddingTask:
    """Look up what is to be embedded.

    Raises:
        MissingError: There is no such dataset or model.
        ValueError: `images` asks for others than usable ones.
    """
    if images.status != ImageStatus.USABLE:
        raise ValueError(f"only usable images are embedded, got {images.status}")
    dataset = open_dataset(workspace, dataset_name)
    model = open_artifact(workspace.models, model_id)
    config = config.resolved(quick_bfloat16=choose_device().bfloat16)
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
            "dataset_fingerprint": _fingerprint(dataset, config, images),
            "model": model_id,
            "model_fingerprint": model.fingerprint,
        },
        rows=dataset.catalog.rows(images),
    )


def _fingerprint(dataset: Dataset, config: EmbedConfig, images: ImageFilter) -> str:
    """Return what of the catalog matters: labels and splits where a filter or whitening does."""
    if images != ALL_IMAGES or config.whiten:
        return dataset.catalog.fingerprint
    return dataset.catalog.images_fingerprint
