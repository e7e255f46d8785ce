"""Form that starts a map, and titles of maps."""

from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.commands.maps import MAP
from core.maps.config import MapConfig, MapMethod, MapMetric
from core.options import as_arguments, field_docs
from pages.parts.components import config_fields
from pages.parts.components.launch import launch

DOCS = field_docs(MapConfig)
NAMES = {MapMethod.UMAP: "UMAP", MapMethod.TSNE: "t-SNE", MapMethod.PCA: "PCA"}
PURPOSES = {
    MapMethod.UMAP: "Preserves neighborhoods and, roughly, the arrangement of groups.",
    MapMethod.TSNE: "Separates groups more; distances between groups mean less.",
    MapMethod.PCA: "Fast linear projection.",
}


def show(index: Manifest) -> None:
    """Draw the form."""
    _start(index, _choose(index), st.container())


def show_folded(index: Manifest) -> None:
    """Draw the button, and beside it the form in a popover."""
    with st.container(horizontal=True, horizontal_alignment="center"):
        place = st.container(width="content")
        with st.popover("Options", icon=":material/tune:", key="explore-options-open"):
            config = _choose(index)
    _start(index, config, place)


def _start(index: Manifest, config: MapConfig, place: DeltaGenerator) -> None:
    """Draw the button in `place`; a click starts the job."""
    if place.button("Create map", key="explore-draw", type="primary"):
        launch(MAP, as_arguments(config), dataset=index.made_from["dataset"])


def name_of(config: MapConfig) -> str:
    """Return the name of a map's method and dimensions, such as UMAP in 2D."""
    return f"{NAMES[config.method]} in {config.dimensions}D"


def settings_of(config: MapConfig) -> str:
    """Return the settings that distinguish maps of one method."""
    named = [f"{config.metric} distance"] if config.method != MapMethod.PCA else []
    if config.method == MapMethod.UMAP:
        named = [f"{config.neighbors} neighbors", f"min_dist {config.min_dist:g}", *named]
        named += [f"supervision {config.supervision:g}"] if config.supervision else []
    if config.method == MapMethod.TSNE:
        named = [f"perplexity {config.perplexity:g}", *named]
    return ", ".join([*named, f"seed {config.seed}"])


def title_of(manifest: Manifest) -> str:
    """Return a title that distinguishes a map from others of its index."""
    config = MapConfig(**manifest.config)
    return f"{name_of(config)} · {settings_of(config)}"


def _choose(index: Manifest) -> MapConfig:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        method = st.segmented_control(
            "Method",
            list(MapMethod),
            default=MapMethod.UMAP,
            format_func=NAMES.__getitem__,
            required=True,
            key="explore-method",
        )
        dimensions = st.segmented_control(
            "Dimensions",
            (2, 3),
            default=2,
            format_func=lambda count: f"{count}D",
            required=True,
            key="explore-dimensions",
            help=DOCS["dimensions"],
        )
    st.caption(PURPOSES[method])
    chosen: dict[str, object] = {"method": method, "dimensions": dimensions}
    number = partial(config_fields.number, MapConfig)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if method == MapMethod.UMAP:
            chosen["neighbors"] = number("neighbors", "Neighbors", key="explore-neighbors")
            chosen["min_dist"] = number("min_dist", "min_dist", key="explore-min-dist")
            chosen["supervision"] = number(
                "supervision", "Supervision", key="explore-supervision", step=0.1
            )
        if method == MapMethod.TSNE:
            chosen["perplexity"] = number("perplexity", "Perplexity", key="explore-perplexity")
        if method != MapMethod.PCA:
            chosen["metric"] = st.selectbox(
                "Metric", list(MapMetric), key="explore-metric", help=DOCS["metric"]
            )
        chosen["seed"] = number("seed", "Seed", key="explore-seed")
    return MapConfig(index=index.id, **chosen)  # type: ignore[arg-type]
