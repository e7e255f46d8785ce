"""`EmbedConfig`: how images are embedded; which ones is given by an `ImageFilter`."""

from dataclasses import dataclass, replace
from enum import StrEnum

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter
from core.datasets.filters import filter_as_arguments, read_settings
from core.lineage.graph import Lineage
from core.options import as_arguments, check_fields


class Precision(StrEnum):
    """Precision of the backbone; the layers after it always compute in float32."""

    AUTO = "auto"
    """bfloat16 if it is the faster one."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbedConfig:
    """How images and queries are embedded."""

    flip: bool = False
    """Average the embeddings of an image and its mirror image, which takes twice the time."""

    whiten: bool = False
    """Whiten embeddings by a PCA of the train images (Jégou & Chum 2012); needs more train images
    than dimensions."""

    precision: Precision = Precision.AUTO
    """float32, bfloat16 (half the memory, about three digits), or auto for the faster one."""

    def __post_init__(self) -> None:
        check_fields(self)

    def resolved(self, *, quick_bfloat16: bool) -> "EmbedConfig":
        """Return the same with the faster of float32 and bfloat16 instead of auto."""
        if self.precision != Precision.AUTO:
            return self
        return replace(self, precision=Precision.BFLOAT16 if quick_bfloat16 else Precision.FLOAT32)


DEFAULT_CONFIG = EmbedConfig()


def read_embed_config(manifest: Manifest) -> tuple[EmbedConfig, ImageFilter]:
    """Return how which images were embedded, of embeddings or an index.

    Old manifests lack these settings: they mean the default and all images.
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


def find_embeddings(
    lineage: Lineage, dataset: str, model: str, config: EmbedConfig, images: ImageFilter
) -> Manifest | None:
    """Return the newest embeddings of these images by a model that are not stale, if any.

    The precision `auto` of a config matches any.
    """
    source = {"dataset": dataset, "model": model}
    for manifest in lineage.embeddings:
        if not source.items() <= manifest.made_from.items() or lineage.stale_reason(manifest):
            continue
        theirs, their_images = read_embed_config(manifest)
        if config.precision == Precision.AUTO:
            theirs = replace(theirs, precision=Precision.AUTO)
        if (theirs, their_images) == (config, images):
            return manifest
    return None


def embed_arguments(manifest: Manifest) -> list[str]:
    """Return the command-line options that embed the same images in the same way."""
    config, images = read_embed_config(manifest)
    return [*as_arguments(config), *filter_as_arguments(images)]
