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
from state import session

DOCS = field_docs(EvaluateConfig)
GALLERIES = {Gallery.TRAIN: "train", Gallery.TRAIN_AND_VALIDATION: "train + validation"}
DESCRIPTIONS = {
    Baseline.COLOR: "Color histograms, without learning.",
    Baseline.BACKBONE: "Features of the pre-trained backbone, without training.",
    Baseline.PLAIN: "A 128-d embedding trained on the frozen backbone for 10 epochs.",
}
POPOVER, STARTED = "evaluate-new", "evaluate-started"
WIDTH = 480
"""In pixels."""

Settings = dict[str, Any]


def show_in_popover(dataset: str, lineage: Lineage) -> None:
    """Draw the form in a popover, which a start closes."""
    if session.value_of(STARTED):
        session.remember(STARTED, False)
        session.set_widget(POPOVER, False)
    popover = st.popover("New evaluation", icon=":material/add:", key=POPOVER, on_change="rerun")
    with popover, st.container(width=WIDTH):
        show(dataset, lineage)


def show(dataset: str, lineage: Lineage) -> None:
    """Draw the form of evaluations and baselines."""
    place = st.container()
    with st.expander("Settings", icon=":material/tune:"):
        protocol = _protocol()
        backbone = _backbone(dataset, lineage)
    if protocol is None:
        return
    with place:
        _system(dataset, lineage, protocol)
    st.markdown("**Baselines**")
    grid = st.grid(len(Baseline), min_column_width=150)
    for baseline in Baseline:
        if grid.button(
            BASELINE_NAMES[baseline].capitalize(),
            key=f"evaluate-baseline-{baseline}",
            width="stretch",
            help=DESCRIPTIONS[baseline],
        ):
            _start(baseline, dataset, protocol, backbone)


def _protocol() -> Settings | None:
    """Draw the fields of the protocol, and return their values; None while they are invalid."""
    grid = st.grid(2, min_column_width=150)
    queries = grid.selectbox(
        "Query split",
        choices_of(EvaluateConfig, "queries"),
        key="evaluate-queries",
    )
    gallery = grid.selectbox(
        "Gallery split",
        list(GALLERIES),
        format_func=GALLERIES.__getitem__,
        key="evaluate-gallery",
        help="The query and its exact copies are left out.",
    )
    ranks = grid.text_input(
        "k", key="evaluate-ks", placeholder="1, 2, 5, 10, 20, 50, 100", help=DOCS["ks"]
    )
    replicates = config_fields.number(
        EvaluateConfig, "replicates", "Bootstrap samples", key="evaluate-replicates", place=grid
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
        st.info("This dataset has no embeddings.")
        guards.next_step("Indexes", "Build index")
        return
    current = lineage.index(session.selection().index)
    default = f"embeddings:{current.made_from['embeddings']}" if current else ""
    chosen = st.selectbox(
        "System",
        list(systems),
        index=list(systems).index(default) if default in systems else 0,
        format_func=lambda key: systems[key][0],
        key="evaluate-system",
        help="Embeddings are searched exactly, an index by its own search.",
    )
    exact = False
    if chosen.startswith("index"):
        exact = st.checkbox("Include exact search", key="evaluate-exact", help=DOCS["exact"])
    if st.button("Evaluate", key="evaluate-start", type="primary", icon=":material/play_arrow:"):
        kind, manifest = chosen.partition(":")[0], systems[chosen][1]
        config = EvaluateConfig(**protocol | {kind: manifest.id, "exact": exact})
        session.remember(STARTED, True)
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


def _start(baseline: Baseline, dataset: str, protocol: Settings, backbone: Settings) -> None:
    backbone_options = {} if baseline == Baseline.COLOR else backbone
    settings = protocol | backbone_options
    config = config_fields.build(BaselineConfig, dataset=dataset, baseline=baseline, **settings)
    if config is not None:
        session.remember(STARTED, True)
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
    st.markdown("**Baseline backbone**")
    backbone = backbone_choice.draw(st.container(), used["backbone"], "evaluate-backbone").name
    grid = st.grid(2, min_column_width=150)
    weights = grid.text_input(
        "Weights",
        used["weights"],
        key="evaluate-backbone-weights",
        help=field_docs(BaselineConfig)["weights"],
    )
    side = config_fields.number(
        BaselineConfig,
        "image_size",
        "Image size (px)",
        key="evaluate-backbone-image-size",
        place=grid,
        value=int(used["image_size"]),
        help=None,
    )
    return {"backbone": backbone, "weights": str(weights).strip(), "image_size": int(side)}
