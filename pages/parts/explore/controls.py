"""Controls of a map: choice of the map, its colors, contours, images and groups."""

from dataclasses import dataclass
from typing import Literal

import streamlit as st

from core.artifacts.manifests import Manifest
from core.maps.coloring import ColorBy, Groups
from core.options import field_docs
from pages.parts.explore.form import title_of

DOCS = {ColorBy[name]: text for name, text in field_docs(ColorBy).items()}
NUMBERS = (ColorBy.QUERY, ColorBy.PRESERVED)
NEEDS_LABELS = (ColorBy.CLASS, ColorBy.PREDICTED, ColorBy.CORRECTNESS)


@dataclass(frozen=True, slots=True)
class Look:
    """Appearance of a map."""

    color_by: ColorBy
    contours: bool
    pins: bool
    """Whether an image of each cluster is shown."""


def choose_map(
    maps: list[Manifest], *, width: int | Literal["stretch"] = "stretch", prefix: str = ""
) -> Manifest:
    """Draw the choice of a map, and return it; `prefix` is before each title."""
    by_id = {manifest.id: manifest for manifest in maps}
    chosen = st.selectbox(
        "Map",
        list(by_id),
        format_func=lambda map_id: prefix + title_of(by_id[map_id]),
        key="explore-map",
        label_visibility="collapsed",
        width=width,
        persist_state="session",
    )
    return by_id[chosen]


def choose_look(*, in_plane: bool, has_labels: bool, has_query: bool) -> Look:
    """Draw the choice of colors, contours and images, and return it.

    A map in 3D (not `in_plane`) has no contours and images.
    """
    options = [
        color
        for color in ColorBy
        if (has_labels or color not in NEEDS_LABELS) and (has_query or color != ColorBy.QUERY)
    ]
    color_by = st.selectbox(
        "Color by",
        options,
        format_func=lambda name: f"Color by {name}",
        key="explore-color",
        label_visibility="collapsed",
        persist_state="session",
        width=250,
    )
    # A field without a label shows no help
    explained = "  \n".join(f"**{name.capitalize()}**: {DOCS[name]}" for name in options)
    st.markdown("&nbsp;", width="content", help=explained)
    if not in_plane:
        return Look(ColorBy(color_by), contours=False, pins=False)
    contours = st.toggle("Contours", key="explore-contours", persist_state="session")
    pins = st.toggle("Thumbnails", key="explore-pins", persist_state="session")
    return Look(ColorBy(color_by), contours, pins)


def choose_groups(groups: Groups) -> list[int]:
    """Draw the choice of groups, and return the places of the chosen ones; empty for all."""
    names = list(groups.names)
    chosen = st.multiselect(
        "Show only",
        names,
        placeholder=f"Search {len(names)} groups",
        key="explore-only",
        label_visibility="collapsed",
        width=220,
    )
    places = {name: place for place, name in enumerate(names)}
    return [places[name] for name in chosen]
