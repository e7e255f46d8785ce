"""Which images the Datasets page shows, and how: as one value, and as an address carries it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from core.datasets.filters import ImageFilter, ImageStatus, Order, read_range

SECTIONS = ("Images", "Classes", "Duplicates", "Problems")
PAGE_SIZES = (24, 60, 120, 240)
TILE_SIZES = {"S": 96, "M": 128, "L": 200}
"""Least width of a tile, in pixels."""

FIELDS = (
    "section",
    *("class", "split", "tag", "text", "side", "aspect", "show"),
    *("sort", "page", "per_page", "tile"),
)
"""What an address may carry of a view."""

Parameters = dict[str, str | list[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A stretch of a dataset's images."""

    section: str = SECTIONS[0]
    """Which part of the page is open."""

    images: ImageFilter = field(default_factory=ImageFilter)
    order: Order = Order.ADDED
    page: int = 1
    page_size: int = PAGE_SIZES[1]
    tile: str = "M"
    """A key of `TILE_SIZES`."""

    @property
    def offset(self) -> int:
        """How many images lie before the page."""
        return (self.page - 1) * self.page_size

    def opened(self, section: str) -> "View":
        """Return the same view with another part of the page open."""
        return replace(self, section=section)

    def narrowed(self, images: ImageFilter) -> "View":
        """Return the view of other images, from its first page on."""
        return replace(self, images=images, page=1)


def to_parameters(view: View) -> Parameters:
    """Return a view as an address carries it; what is as usual is left out."""
    images = view.images
    named: dict[str, str | list[str]] = {
        "section": "" if view.section == SECTIONS[0] else view.section,
        "class": list(images.labels),
        "split": list(images.splits),
        "tag": list(images.tags),
        "text": images.text,
        "side": _range(images.side),
        "aspect": _range(images.aspect),
        "show": "" if images.status == ImageStatus.USABLE else str(images.status),
        "sort": "" if view.order == Order.ADDED else str(view.order),
        "page": "" if view.page == 1 else str(view.page),
        "per_page": "" if view.page_size == PAGE_SIZES[1] else str(view.page_size),
        "tile": "" if view.tile == "M" else view.tile,
    }
    return {name: value for name, value in named.items() if value}


def from_parameters(parameters: Mapping[str, Sequence[str]]) -> View:
    """Return the view that an address names; what makes no sense in it is as usual."""

    def one(name: str, allowed: Iterable[str]) -> str | None:
        value = next(iter(parameters.get(name, ())), None)
        return value if value in set(allowed) else None

    page = next(iter(parameters.get("page", ())), "")
    images = ImageFilter(
        labels=tuple(parameters.get("class", ())),
        splits=tuple(parameters.get("split", ())),
        tags=tuple(parameters.get("tag", ())),
        text=next(iter(parameters.get("text", ())), ""),
        side=_side(parameters),
        aspect=_numbers(parameters, "aspect"),
        status=ImageStatus(one("show", ImageStatus) or ImageStatus.USABLE),
    )
    return View(
        section=one("section", SECTIONS) or SECTIONS[0],
        images=images,
        order=Order(one("sort", Order) or Order.ADDED),
        page=int(page) if page.isdecimal() and len(page) < 10 and int(page) else 1,
        page_size=int(one("per_page", map(str, PAGE_SIZES)) or PAGE_SIZES[1]),
        tile=one("tile", TILE_SIZES) or "M",
    )


def _range(limits: tuple[float, float] | None) -> str:
    return f"{limits[0]:.6g}-{limits[1]:.6g}" if limits else ""


def _numbers(parameters: Mapping[str, Sequence[str]], name: str) -> tuple[float, float] | None:
    try:
        return read_range(next(iter(parameters.get(name, ())), ""))
    except ValueError:
        return None


def _side(parameters: Mapping[str, Sequence[str]]) -> tuple[int, int] | None:
    limits = _numbers(parameters, "side")
    return (int(limits[0]), int(limits[1])) if limits else None
