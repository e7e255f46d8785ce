"""Component: images in the tooltips of a scatter plot. The page maps points to images."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from pages.parts.components.browser_component import component, ignore
from state import session

_MOUNT = component(
    "workbench_hover_images", Path(__file__).parent, "<span hidden></span>", ["hover_images.js"]
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
        on_requested_change=ignore,
    )
