"""Form of the source of an index: model, images, and how they are embedded."""

from dataclasses import dataclass

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.columns import ALL_IMAGES, ImageFilter, Split
from core.datasets.filters import filter_as_arguments
from core.datasets.registry import open_dataset
from core.embeddings.config import EmbedConfig, Precision, find_embeddings
from core.embeddings.engine import EngineConfig
from core.lineage.graph import Lineage
from core.options import as_arguments, field_docs
from core.progress import format_rate
from pages.parts.components.text import plain
from pages.parts.indexes import engine
from state import facts, resources, session

DOCS = field_docs(EmbedConfig)
ALL, SHOWN = "all", "shown"
PRECISIONS = {
    Precision.AUTO: "auto",
    Precision.FLOAT32: "float32",
    Precision.BFLOAT16: "bfloat16",
}


@dataclass(frozen=True, slots=True)
class Source:
    """The embeddings that a job works on, which may not exist yet."""

    dataset: str
    model: str
    config: EmbedConfig
    images: ImageFilter
    engine: EngineConfig | None
    """Where they are embedded; None while the choice is invalid."""

    embeddings: Manifest | None
    """The embeddings, if they exist and are not stale."""

    @property
    def arguments(self) -> list[str]:
        """Return the options of a command that embeds the images first, if needed."""
        chosen = [*as_arguments(self.config), *filter_as_arguments(self.images)]
        if self.engine is not None:
            chosen += as_arguments(self.engine)
        return ["--dataset", self.dataset, "--model", self.model, *chosen]


def choose(dataset: str, lineage: Lineage) -> Source:
    """Draw the choice of a model, images, and how they are embedded."""
    with st.expander("Embedding options", icon=":material/tune:", key="indexes-options"):
        model = _model(lineage)
        images = _images(dataset)
        config = _config()
        where = engine.choose()
    embeddings = find_embeddings(lineage, dataset, model, config, images)
    source = Source(dataset, model, config, images, where, embeddings)
    _describe(source)
    return source


def _model(lineage: Lineage) -> str:
    """Draw the choice of a model; that of the header is preselected."""
    current = session.selection().model
    ids = [model.id for model in lineage.models]
    return st.selectbox(
        "Model",
        ids,
        index=ids.index(current) if current in ids else 0,
        key=f"indexes-model-{current}",
        help="Embeds images and queries.",
    )


def _images(dataset: str) -> ImageFilter:
    """Draw the choice of images."""
    catalog = open_dataset(resources.workspace(), dataset).catalog
    shown = session.selection().view.images
    options = {ALL: "All images"}
    options |= {str(split): f"Split: {split}" for split in Split}
    if shown.status == ALL_IMAGES.status and shown != ALL_IMAGES:
        options[SHOWN] = "Datasets view"
    picked = str(
        st.selectbox(
            "Images",
            list(options),
            format_func=options.__getitem__,
            key="indexes-images",
            help="Excluded images are never embedded.",
        )
    )
    images = {ALL: ALL_IMAGES, SHOWN: shown}.get(picked) or ImageFilter(splits=(picked,))
    st.caption(f"{facts.count(catalog, images):,} images.")
    return images


def _config() -> EmbedConfig:
    """Draw the choice of how images and queries are embedded."""
    precision = st.selectbox(
        "Precision",
        list(Precision),
        format_func=PRECISIONS.__getitem__,
        key="indexes-precision",
        help=DOCS["precision"],
    )
    with st.container(horizontal=True):
        flip = st.toggle("Flip", key="indexes-flip", help=DOCS["flip"])
        whiten = st.toggle("Whiten", key="indexes-whiten", help=DOCS["whiten"])
    return EmbedConfig(flip=flip, whiten=whiten, precision=precision or Precision.AUTO)


def _describe(source: Source) -> None:
    if source.embeddings is None:
        st.caption(f"Not embedded by {plain(source.model)} yet; embedding comes first.")
        return
    made = source.embeddings.summary
    words = f"{made['count']:,} images embedded · {made['dimension']} dimensions"
    if made.get("images_per_second"):
        words += f" · {format_rate(made['images_per_second'])} images/s"
    st.caption(words)
