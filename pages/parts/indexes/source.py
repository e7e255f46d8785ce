"""What an index is made of: images of the chosen dataset, embedded in some way by a model."""

from dataclasses import dataclass

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.columns import ALL_IMAGES, ImageFilter, Split
from core.datasets.filters import filter_as_arguments
from core.datasets.registry import open_dataset
from core.embeddings.config import EmbedConfig, Precision, read_embed_config
from core.lineage.graph import Lineage
from core.options import as_arguments, field_docs
from core.progress import format_rate
from pages.parts.components.text import duration, plain
from state import facts, resources, session

DOCS = field_docs(EmbedConfig)
ALL, SHOWN = "all", "shown"
PRECISIONS = {
    Precision.AUTO: "the quicker one here",
    Precision.FLOAT32: "float32",
    Precision.BFLOAT16: "bfloat16",
}


@dataclass(frozen=True, slots=True)
class Source:
    """What a job is to index, measure or advise for."""

    dataset: str
    model: str
    way: EmbedConfig
    images: ImageFilter
    embeddings: Manifest | None
    """Its embeddings, if they are there and fit the dataset as it is now."""

    @property
    def arguments(self) -> list[str]:
        """The options that mean it; what is not embedded yet is embedded first."""
        chosen = [*as_arguments(self.way), *filter_as_arguments(self.images)]
        return ["--dataset", self.dataset, "--model", self.model, *chosen]


def choose(dataset: str, lineage: Lineage) -> Source:
    """Draw the choice of what embeds which of the dataset's images, and how."""
    chosen = session.selection()
    ids = [model.id for model in lineage.models]
    at = ids.index(chosen.model) if chosen.model in ids else 0
    model = st.selectbox(
        "Model",
        ids,
        index=at,
        key=f"indexes-model-{chosen.model}",
        help="What embeds the images, and later the queries.",
    )
    with st.expander("Which images, and how", icon=":material/tune:"):
        images = _images(dataset)
        way = _way()
    source = Source(dataset, model, way, images, _made(dataset, model, way, images, lineage))
    _say(source)
    return source


def _images(dataset: str) -> ImageFilter:
    """Ask which images are to be found."""
    catalog = open_dataset(resources.workspace(), dataset).catalog
    shown = session.selection().view.images
    options = {ALL: "All usable images"}
    options |= {str(split): f"The {split} images" for split in Split}
    if shown.status == ALL_IMAGES.status and shown != ALL_IMAGES:
        options[SHOWN] = "What the Datasets page shows"
    picked = str(
        st.selectbox(
            "Images",
            list(options),
            format_func=options.__getitem__,
            key="indexes-images",
            help="Filter the Datasets page to choose others. Excluded images are never embedded.",
        )
    )
    images = {ALL: ALL_IMAGES, SHOWN: shown}.get(picked) or ImageFilter(splits=(picked,))
    st.caption(f"{facts.count(catalog, images):,} images.")
    return images


def _way() -> EmbedConfig:
    """Ask how images are embedded, and queries like them."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        precision = st.selectbox(
            "Compute in",
            list(Precision),
            format_func=PRECISIONS.__getitem__,
            key="indexes-precision",
            help=DOCS["precision"],
            width=220,
        )
        flip = st.toggle("Mirror image too", key="indexes-flip", help=DOCS["flip"])
        whiten = st.toggle("Whiten", key="indexes-whiten", help=DOCS["whiten"])
    return EmbedConfig(flip=flip, whiten=whiten, precision=precision or Precision.AUTO)


def _made(
    dataset: str, model: str, way: EmbedConfig, images: ImageFilter, lineage: Lineage
) -> Manifest | None:
    """Return the newest embeddings that are just what is wanted and not stale."""
    wanted = {"dataset": dataset, "model": model}
    for made in lineage.embeddings:
        if not wanted.items() <= made.made_from.items() or lineage.stale_reason(made):
            continue
        made_way, made_images = read_embed_config(made)
        is_alike = (made_way.flip, made_way.whiten) == (way.flip, way.whiten)
        any_precision = way.precision in (Precision.AUTO, made_way.precision)
        if is_alike and any_precision and made_images == images:
            return made
    return None


def _say(source: Source) -> None:
    if source.embeddings is None:
        st.caption(
            f"Not embedded in this way by {plain(source.model)} yet: that comes first. No image "
            "is embedded twice, and a stopped run goes on where it was."
        )
        return
    made = source.embeddings.summary
    words = f"{made['count']:,} images are embedded in {made['dimension']} dimensions"
    if made.get("images_per_second"):
        speed = f"{format_rate(made['images_per_second'])} images a second"
        words += f", in {duration(made['seconds'])} at {speed}"
    st.caption(f"{words}.")
