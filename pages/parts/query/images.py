"""The images of a query: what of each is meant, and what they mean together."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from core.images.cropping import WHOLE
from core.query.fusion import Blend
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.text import plain
from pages.parts.query import crop
from state import session
from state.query_images import Source
from state.query_pictures import picture, size_of
from state.query_view import Question

SIDE = 640
"""Longest side of the picture that is cut out of, in pixels."""

TILE_SIDE = 160
OPEN = "query-open-image"
"""Which image of the query is worked on."""

BLENDS = {Blend.MEAN: "What they share", Blend.BEST: "Any of them"}
BLEND_HELP = (
    "What they share: one query, the mean of the images. Any of them: each by itself, and a match "
    "counts by the image that it is most like."
)


def show(question: Question, sources: Sequence[Source]) -> None:
    """Draw the images of a question."""
    if not question.images:
        return
    place = _choose(question, sources) if len(sources) > 1 else 0
    _one(question, place, sources[place])
    if sum(image.is_wanted for image in question.images) > 1:
        _blend(question)


def _choose(question: Question, sources: Sequence[Source]) -> int:
    """Draw the images small, and return the place of the one that is worked on."""
    place = min(session.value_of(OPEN) or 0, len(sources) - 1)
    tiles = [
        Tile(
            id=number,
            src=picture(source, image.crop, TILE_SIDE),
            title=source.label or "",
            caption="" if image.is_wanted else "not like this",
            mark="selected" if number == place else "",
        )
        for number, (image, source) in enumerate(zip(question.images, sources, strict=True))
    ]
    clicked = gallery(tiles, key="query-images", tile_px=64, label="Images of the query")
    if clicked is not None:
        session.remember(OPEN, clicked)
        st.rerun()
    return place


def _one(question: Question, place: int, source: Source) -> None:
    """Draw one image, with what can be done to it."""
    image = question.images[place]
    width, height = size_of(source)
    uri = picture(source, WHOLE, SIDE)
    cut = crop.draw(uri, width, height, image.crop, key="query-crop")
    label = f" · category **{plain(source.label)}**" if source.label else ""
    origin = "" if image.digest else "From the dataset · "
    st.caption(f"{origin}{plain(Path(source.name).name)}{label}")
    if cut != image.crop:
        session.ask(question.changed(place, replace(image, crop=cut)))
        st.rerun()
    with st.container(horizontal=True, gap="small"):
        if len(question.images) > 1 or not image.is_wanted:
            st.button(
                "Wanted after all" if not image.is_wanted else "Not like this",
                key="query-image-sign",
                icon=":material/thumb_up:" if not image.is_wanted else ":material/thumb_down:",
                on_click=session.ask,
                args=(question.changed(place, replace(image, is_wanted=not image.is_wanted)),),
            )
        st.button(
            "Take away",
            key="query-image-remove",
            icon=":material/close:",
            on_click=session.ask,
            args=(question.changed(place, None),),
        )


def _blend(question: Question) -> None:
    st.segmented_control(
        "Find images like",
        list(BLENDS),
        format_func=BLENDS.__getitem__,
        key=session.control("query-blend", question.blend),
        required=True,
        on_change=_set_blend,
        help=BLEND_HELP,
    )


def _set_blend() -> None:
    question = session.selection().question
    session.ask(replace(question, blend=Blend(str(session.value_of("query-blend")))))
