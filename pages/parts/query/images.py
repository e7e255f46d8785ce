"""The images of a query: crop, positive or negative, and how they are combined."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.images.cropping import WHOLE
from core.query.fusion import Fusion
from core.query.query import ImageSource, Query
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.text import plain
from pages.parts.query import crop
from state import session
from state.query_images import size_of, thumbnail_uri

SIDE = 640
"""Longest side of the image in the crop component, in pixels."""

TILE_SIDE = 160
OPEN = "query-open-image"
"""State key of the image that is shown for editing."""

FUSIONS = {Fusion.MEAN: "What they share", Fusion.BEST: "Any of them"}
FUSION_HELP = (
    "What they share: one query, the mean of the images. Any of them: each by itself, and a match "
    "counts by the image that it is most like."
)


def show(query: Query, sources: Sequence[ImageSource], *, squashed: bool) -> None:
    """Show the images of a query; `squashed` is whether the model sees all of each."""
    if not query.images:
        return
    place = _choose(query, sources) if len(sources) > 1 else 0
    _one(query, place, sources[place], squashed)
    if sum(image.is_positive for image in query.images) > 1:
        _fusion(query)


def _choose(query: Query, sources: Sequence[ImageSource]) -> int:
    """Show the images as tiles and return the place of the one to edit."""
    place = min(session.value_of(OPEN) or 0, len(sources) - 1)
    tiles = [
        Tile(
            id=number,
            src=thumbnail_uri(source, image.crop, TILE_SIDE),
            title=source.label or "",
            caption="" if image.is_positive else "not like this",
            mark="selected" if number == place else "",
        )
        for number, (image, source) in enumerate(zip(query.images, sources, strict=True))
    ]
    clicked = gallery(tiles, key="query-images", tile_px=64, label="Images of the query")
    if clicked is not None:
        session.remember(OPEN, clicked)
        st.rerun()
    return place


def _one(query: Query, place: int, source: ImageSource, squashed: bool) -> None:
    """Show one image with its actions."""
    image = query.images[place]
    width, height = size_of(source)
    uri = thumbnail_uri(source, WHOLE, SIDE)
    cut = crop.draw(uri, width, height, image.crop, squashed=squashed, key="query-crop")
    label = f" · class **{plain(source.label)}**" if source.label else ""
    origin = "" if image.digest else "From the dataset · "
    st.caption(f"{origin}{plain(Path(source.name).name)}{label}")
    if cut != image.crop:
        session.set_query(query.with_image_at(place, replace(image, crop=cut)))
        st.rerun()
    other_sign = replace(image, is_positive=not image.is_positive)
    with st.container(horizontal=True, gap="small"):
        if len(query.images) > 1 or not image.is_positive:
            st.button(
                "SearchOptions after all" if not image.is_positive else "Not like this",
                key="query-image-sign",
                icon=":material/thumb_up:" if not image.is_positive else ":material/thumb_down:",
                on_click=session.set_query,
                args=(query.with_image_at(place, other_sign),),
            )
        st.button(
            "Take away",
            key="query-image-remove",
            icon=":material/close:",
            on_click=session.set_query,
            args=(query.with_image_at(place, None),),
        )


def _fusion(query: Query) -> None:
    st.segmented_control(
        "Find images like",
        list(FUSIONS),
        format_func=FUSIONS.__getitem__,
        key=session.set_widget("query-blend", query.fusion),
        required=True,
        on_change=_set_fusion,
        help=FUSION_HELP,
    )


def _set_fusion() -> None:
    query = session.selection().query
    session.set_query(replace(query, fusion=Fusion(str(session.value_of("query-blend")))))
