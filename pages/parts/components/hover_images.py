"""Component: images in the tooltips of a scatter plot. The page maps points to images."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from state import session

ASSETS = Path(__file__).parent

_MOUNT = st.components.v2.component(
    "workbench_hover_images",
    html="<span hidden></span>",
    js=(ASSETS / "hover_images.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, slots=True)
class HoverImage:
    """The tooltip of a point."""

    src: str
    """Data URI of the image; empty without one."""

    text: str
    """Lines under the image, shown as plain text and never as HTML."""


def hover_images(
    scatter_key: str, count: int, images_near: Callable[[int], Mapping[int, HoverImage]]
) -> None:
    """Serve the tooltips of a scatter plot; call it in a fragment, which reruns at each request.

    Args:
        scatter_key: Widget key of the scatter plot.
        count: Number of its points.
        images_near: Returns place → tooltip of a point and of the points likely to be next. It is
            called for the point under the resting pointer.
    """
    key = f"{scatter_key}-images"
    requested = (session.value_of(key) or {}).get("requested")
    # The browser may send anything
    images: Mapping[int, HoverImage] = {}
    if isinstance(requested, int) and 0 <= requested < count:
        images = images_near(requested)
    _MOUNT(
        key=key,
        data={
            "channel": scatter_key,
            "images": {str(place): asdict(image) for place, image in images.items()},
        },
        on_requested_change=_ignore,
    )


def _ignore() -> None:
    """Do nothing: a trigger is part of the result only if it has a callback."""
