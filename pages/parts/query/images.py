"""The images of a query: crop, positive or negative, and how they are combined."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.datasets.annotations.geometry import searchable_crops
from core.datasets.registry import Dataset
from core.images.cropping import WHOLE, Crop
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

FUSIONS = {Fusion.MEAN: "Mean", Fusion.BEST: "Best match"}
FUSION_HELP = (
    "Mean searches by the mean embedding; Best match ranks by the most similar query image."
)


def show(dataset: Dataset, query: Query, sources: Sequence[ImageSource], *, squashed: bool) -> None:
    """Show the images of a query; `squashed` is whether the model sees all of each."""
    if not query.images:
        return
    place = _choose(query, sources) if len(sources) > 1 else 0
    _one(query, place, sources[place], squashed)
    _box(dataset, query, place, sources[place])
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
            caption="" if image.is_positive else "negative",
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
    if cut != image.crop:
        session.set_query(query.with_image_at(place, replace(image, crop=cut)))
        st.rerun()
    other_sign = replace(image, is_positive=not image.is_positive)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption(f"{plain(Path(source.name).name)}{label}")
        if len(query.images) > 1 or not image.is_positive:
            st.button(
                "Use as negative" if image.is_positive else "Use as positive",
                key="query-image-sign",
                icon=":material/thumb_down:" if image.is_positive else ":material/thumb_up:",
                type="tertiary",
                on_click=session.set_query,
                args=(query.with_image_at(place, other_sign),),
            )
        st.button(
            "Remove",
            key="query-image-remove",
            icon=":material/close:",
            type="tertiary",
            on_click=session.set_query,
            args=(query.with_image_at(place, None),),
        )


def _box(dataset: Dataset, query: Query, place: int, source: ImageSource) -> None:
    """Show the boxes of an image of the dataset to choose its crop from, if it has any."""
    image = query.images[place]
    boxes = dataset.catalog.boxes_of([image.image_id or 0]).get(image.image_id or 0, ())
    crops = searchable_crops(boxes, *size_of(source)) if boxes else {}
    if not crops:
        return
    names = {crop.key: f"{number + 1} · {boxes[number].label}" for number, crop in crops.items()}
    names = {WHOLE.key: ""} | names | {WHOLE.key: "Whole image"}  # First, also if a box is all
    by_key = {crop.key: crop for crop in (WHOLE, *crops.values())}
    st.selectbox(
        "Box",
        list(names),
        format_func=lambda key: names.get(key, key),
        key=session.set_widget(
            f"query-box-{place}", image.crop.key if image.crop.key in names else None
        ),
        placeholder="Custom crop",
        on_change=_set_box,
        args=(query, place, by_key),
    )


def _set_box(query: Query, place: int, crops: Mapping[str, Crop]) -> None:
    crop = crops.get(session.value_of(f"query-box-{place}") or "", WHOLE)
    session.set_query(query.with_image_at(place, replace(query.images[place], crop=crop)))


def _fusion(query: Query) -> None:
    st.segmented_control(
        "Combine",
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
