"""The form that lays out a map."""

import streamlit as st

from core.artifacts.manifests import Manifest
from core.maps.config import MapConfig, MapMethod, MapMetric
from core.options import as_arguments, field_docs
from pages.parts.components.launch import launch

DOCS = field_docs(MapConfig)
NAMES = {MapMethod.UMAP: "UMAP", MapMethod.TSNE: "t-SNE", MapMethod.PCA: "PCA"}
PURPOSES = {
    MapMethod.UMAP: "What is near what, and roughly how the groups lie.",
    MapMethod.TSNE: "Groups further apart; how they lie to each other says less.",
    MapMethod.PCA: "A plain projection: quick, true to distances, crowded.",
}


def show(index: Manifest, *, first: bool) -> None:
    """Draw the choices and the button that starts the job."""
    config = _choose(index)
    label = "Draw the map" if first else "Draw another map"
    if st.button(label, key="explore-draw", type="primary" if first else "secondary"):
        title = f"Mapping {index.id} by {name_of(config)}"
        launch(["map", *as_arguments(config)], title, dataset=index.made_from["dataset"])
        st.rerun()


def name_of(config: MapConfig) -> str:
    """Return what people call a map's method, such as UMAP in 2D."""
    return f"{NAMES[config.method]} in {config.dimensions}D"


def settings_of(config: MapConfig) -> str:
    """Return the settings by which maps of one method differ."""
    told = [f"{config.metric} distance"] if config.method != MapMethod.PCA else []
    if config.method == MapMethod.UMAP:
        told = [f"{config.neighbors} neighbors", f"least distance {config.min_dist:g}", *told]
        told += [f"drawn by categories at {config.supervision:g}"] if config.supervision else []
    if config.method == MapMethod.TSNE:
        told = [f"perplexity {config.perplexity:g}", *told]
    return ", ".join([*told, f"seed {config.seed}"])


def title_of(manifest: Manifest) -> str:
    """Return a line that tells a map from others of its index."""
    config = MapConfig(**manifest.config)
    return f"{name_of(config)} · {settings_of(config)}"


def _choose(index: Manifest) -> MapConfig:
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with row:
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
    fields = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with fields:
        if method == MapMethod.UMAP:
            chosen |= _umap_fields()
        if method == MapMethod.TSNE:
            chosen["perplexity"] = st.number_input(
                "Perplexity", 2.0, 200.0, 30.0, key="explore-perplexity", help=DOCS["perplexity"]
            )
        if method != MapMethod.PCA:
            chosen["metric"] = st.selectbox(
                "Distance", list(MapMetric), key="explore-metric", help=DOCS["metric"]
            )
        chosen["seed"] = int(
            st.number_input("Seed", 0, 2**31 - 1, 0, key="explore-seed", help=DOCS["seed"])
        )
    return MapConfig(index=index.id, **chosen)  # type: ignore[arg-type]


def _umap_fields() -> dict[str, object]:
    neighbors = st.number_input(
        "Neighbors", 2, 200, 15, key="explore-neighbors", help=DOCS["neighbors"]
    )
    min_dist = st.number_input(
        "Least distance", 0.0, 0.99, 0.1, key="explore-min-dist", help=DOCS["min_dist"]
    )
    supervision = st.number_input(
        "Supervision", 0.0, 1.0, 0.0, 0.1, key="explore-supervision", help=DOCS["supervision"]
    )
    return {"neighbors": int(neighbors), "min_dist": min_dist, "supervision": supervision}
