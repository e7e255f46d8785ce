"""Form that starts evaluations: protocol, system and baselines."""

from typing import Any

import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.evaluation import BASELINE, EVALUATE
from core.evaluation.config import BASELINE_NAMES, Baseline, BaselineConfig, EvaluateConfig, Gallery
from core.lineage.graph import Lineage
from core.models.pretrained import NO_WEIGHTS, PRETRAINED
from core.options import as_arguments, choices_of, field_docs
from pages.parts.components import backbone_choice, config_fields, guards
from pages.parts.components.launch import launch

DOCS = field_docs(EvaluateConfig)
GALLERIES = {
    Gallery.TRAIN: "train images",
    Gallery.TRAIN_AND_VALIDATION: "train and validation images",
}
DESCRIPTIONS = {
    Baseline.COLOR: "How far colors alone come. No learning; a minute for 10,000 images.",
    Baseline.BACKBONE: "The pre-trained features as they are, 25,088 numbers an image for VGG-16: "
    "what training has to add to.",
    Baseline.PLAIN: "That trunk frozen, and a 128-d embedding trained on it for 10 epochs: what "
    "every other recipe has to beat.",
}
Settings = dict[str, Any]


def show(dataset: str, lineage: Lineage, *, expanded: bool) -> None:
    """Draw the form of evaluations and baselines."""
    with st.expander("New evaluation", expanded=expanded, icon=":material/add:"):
        protocol = _protocol()
        if protocol is None:
            return
        _system(dataset, lineage, protocol)
        st.markdown("**Baselines**, to know what the figures are worth:")
        _baselines(dataset, lineage, protocol)


def _protocol() -> Settings | None:
    """Draw the fields of the protocol, and return their values; None while they are invalid."""
    grid = st.grid(4, min_column_width=150)
    queries = grid.selectbox(
        "Queries",
        choices_of(EvaluateConfig, "queries"),
        format_func=lambda split: f"{split} images",
        key="evaluate-queries",
        help=DOCS["queries"],
    )
    gallery = grid.selectbox(
        "They search among",
        list(GALLERIES),
        format_func=GALLERIES.__getitem__,
        key="evaluate-gallery",
        help="A query never finds itself, nor an image of the very same content.",
    )
    ranks = grid.text_input(
        "Ranks k", key="evaluate-ks", placeholder="1, 2, 5, 10, 20, 50, 100", help=DOCS["ks"]
    )
    replicates = config_fields.number(
        EvaluateConfig, "replicates", "Replicates", key="evaluate-replicates", place=grid
    )
    settings: Settings = {
        "queries": str(queries),
        "gallery": gallery,
        "ks": ranks.replace(" ", ""),
        "replicates": int(replicates),
    }
    is_valid = config_fields.build(EvaluateConfig, embeddings="any", **settings)
    return settings if is_valid else None


def _system(dataset: str, lineage: Lineage, protocol: Settings) -> None:
    """Draw the choice of embeddings or index, and the start button."""
    systems = _systems(dataset, lineage)
    if not systems:
        st.info("There are no embeddings of this dataset yet; an index makes them.")
        guards.next_step("Indexes", "Build an index")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "What is evaluated",
            list(systems),
            format_func=lambda key: systems[key][0],
            key="evaluate-system",
            help="Embeddings are searched exactly: that is the model's doing alone. An index is "
            "searched as anybody searches it: that is the model's and the index's together.",
        )
        exact = False
        if chosen.startswith("index"):
            exact = st.checkbox("Hold to exact search", key="evaluate-exact", help=DOCS["exact"])
        if st.button(
            "Evaluate", key="evaluate-start", type="primary", icon=":material/monitoring:"
        ):
            kind, manifest = chosen.partition(":")[0], systems[chosen][1]
            config = EvaluateConfig(**protocol | {kind: manifest.id, "exact": exact})
            launch(EVALUATE, as_arguments(config), dataset=dataset)


def _systems(dataset: str, lineage: Lineage) -> dict[str, tuple[str, Manifest]]:
    """Return key → (title, manifest) of the embeddings and indexes of a dataset."""
    embeddings = {
        f"embeddings:{made.id}": (f"{made.id} · embeddings, exact search", made)
        for made in lineage.embeddings_of(dataset)
    }
    indexes = {
        f"index:{made.id}": (f"{made.id} · index", made)
        for made in lineage.indexes_of(dataset=dataset)
    }
    return embeddings | indexes


def _baselines(dataset: str, lineage: Lineage, protocol: Settings) -> None:
    backbone = _backbone(dataset, lineage)
    grid = st.grid(len(Baseline), min_column_width=200)
    for baseline in Baseline:
        with grid.cell():
            name = BASELINE_NAMES[baseline]
            if st.button(name.capitalize(), key=f"evaluate-baseline-{baseline}", width="stretch"):
                _start(baseline, dataset, protocol, backbone)
            st.caption(DESCRIPTIONS[baseline])


def _start(baseline: Baseline, dataset: str, protocol: Settings, backbone: Settings) -> None:
    backbone_options = {} if baseline == Baseline.COLOR else backbone
    settings = protocol | backbone_options
    config = config_fields.build(BaselineConfig, dataset=dataset, baseline=baseline, **settings)
    if config is not None:
        launch(BASELINE, as_arguments(config))


def _backbone(dataset: str, lineage: Lineage) -> Settings:
    """Draw the fields of the backbone; the default is that of the newest pre-trained model."""
    used: Settings = next(
        (
            model.config["train"]
            for model in lineage.models_of(dataset)
            if model.config.get("train", {}).get("weights", NO_WEIGHTS) != NO_WEIGHTS
        ),
        {"backbone": "vgg16", "weights": PRETRAINED, "image_size": 224},
    )
    with st.popover("Trunk of the latter two", type="tertiary", icon=":material/tune:"):
        place = st.container()
        backbone = backbone_choice.draw(place, used["backbone"], "evaluate-backbone").name
        weights = st.text_input(
            "Weights",
            used["weights"],
            key="evaluate-backbone-weights",
            help=field_docs(BaselineConfig)["weights"],
        )
        side = config_fields.number(
            BaselineConfig,
            "image_size",
            "Image side, pixels",
            key="evaluate-backbone-image-size",
            value=int(used["image_size"]),
            help=None,
        )
    return {"backbone": backbone, "weights": str(weights).strip(), "image_size": int(side)}
