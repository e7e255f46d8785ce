"""What a user chooses before images are embedded, frozen once chosen.

Which images is said by a `core.datasets.filters.ImageFilter` beside it.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter
from core.datasets.filters import filter_as_arguments, read_settings
from core.options import as_arguments


class Precision(StrEnum):
    """What the trunk computes in; what follows it always computes in float32."""

    AUTO = "auto"
    """bfloat16 where it is the quicker one."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbedConfig:
    """How images become embeddings, and later on the queries that are held against them."""

    flip: bool = False
    """Embed every image and its mirror image and take the mean: steadier, at twice the time."""

    whiten: bool = False
    """Give every direction the same weight, as the dataset's train images have it (Jégou & Chum
    2012); needs more of them than an embedding has numbers."""

    precision: Precision = Precision.AUTO
    """float32, bfloat16 (half the memory, about three digits), or auto for the quicker one here."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "precision", Precision(self.precision))

    def resolved(self, *, quick_bfloat16: bool) -> "EmbedConfig":
        """Return the same with a precision that means the same on every machine.

        Args:
            quick_bfloat16: Whether bfloat16 is the quicker one here.
        """
        if self.precision != Precision.AUTO:
            return self
        return replace(self, precision=Precision.BFLOAT16 if quick_bfloat16 else Precision.FLOAT32)


DEFAULT_CONFIG = EmbedConfig()


def read_embed_config(manifest: Manifest) -> tuple[EmbedConfig, ImageFilter]:
    """Return how which images were embedded, for embeddings or an index, to do it again.

    Where it does not say, it is from before there was a choice: as usual, all images.
    """
    if manifest.kind == "index":
        settings = manifest.summary | manifest.summary.get("encoding", {})
    else:
        settings = manifest.config
    config = EmbedConfig(
        flip=settings.get("flip", False),
        whiten=settings.get("whiten", False),
        precision=Precision(settings.get("precision", Precision.AUTO)),
    )
    return config, read_settings(settings.get("images", {}))


def embed_arguments(manifest: Manifest) -> list[str]:
    """Return the options by which `embed`, `index` and others embed in the same way again."""
    config, images = read_embed_config(manifest)
    return [*as_arguments(config), *filter_as_arguments(images)]
