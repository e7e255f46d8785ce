"""The pictures that appear beside the pointer on a map. Which image a point is, the page knows."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from state import session

ASSETS = Path(__file__).parent

_MOUNT = st.components.v2.component(
    "workbench_hover_pictures",
    html="<span hidden></span>",
    js=(ASSETS / "hover_images.js").read_text(encoding="utf-8"),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a point."""

    src: str
    """As a data URI; empty where there is none."""

    text: str
    """Lines under it, parted by newlines; shown as they are, never as HTML."""


def hover_pictures(
    scatter_key: str, count: int, pictures_of: Callable[[int], Mapping[int, Picture]]
) -> None:
    """Serve the pictures of a scatter; to be called in a fragment, for each pause runs it again.

    Args:
        scatter_key: Key of the scatter.
        count: Its points.
        pictures_of: Returns the picture of a point, and those likely to be wanted next, by their
            places. It is asked where the pointer rests.
    """
    key = f"{scatter_key}-pictures"
    wanted = (session.value_of(key) or {}).get("wanted")
    # Anybody can send anything
    pictures = pictures_of(wanted) if isinstance(wanted, int) and 0 <= wanted < count else {}
    _MOUNT(
        key=key,
        data={
            "channel": scatter_key,
            "pictures": {str(place): asdict(picture) for place, picture in pictures.items()},
        },
        on_wanted_change=_ignore,
    )


def _ignore() -> None:
    """Only triggers that have a callback are part of the result."""
