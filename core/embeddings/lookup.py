"""Finding embeddings that exist already, from their manifests alone."""

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter
from core.embeddings.config import EmbedConfig, Precision, read_embed_config
from core.lineage.graph import Lineage


def find_embeddings(
    lineage: Lineage, dataset: str, model: str, config: EmbedConfig, images: ImageFilter
) -> Manifest | None:
    """Return the newest embeddings of these images by a model that are not stale, if any.

    Args:
        lineage: Of the workspace.
        dataset: Name of the dataset.
        model: Id of the model.
        config: How the images are embedded; the precision `auto` matches any.
        images: Which images.
    """
    source = {"dataset": dataset, "model": model}
    for manifest in lineage.embeddings:
        if not source.items() <= manifest.made_from.items() or lineage.stale_reason(manifest):
            continue
        theirs, their_images = read_embed_config(manifest)
        is_same_way = (theirs.flip, theirs.whiten) == (config.flip, config.whiten)
        if (
            is_same_way
            and config.precision in (Precision.AUTO, theirs.precision)
            and their_images == images
        ):
            return manifest
    return None
