"""Views of the Datasets and the Data quality page: what each shows, as one value.

That of the Datasets page is also in its URL.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from core.datasets.columns import FILTERS, ImageFilter, Order
from core.datasets.filters import as_texts, from_texts
from core.quality.config import Check

SECTIONS = ("Images", "Classes", "Labeling", "Duplicates", "Problems")
PAGE_SIZES = (24, 60, 120, 240)
TILE_SIZES = {"S": 96, "M": 120, "L": 200}
"""Minimum width of a tile, in pixels."""

FIELDS = (
    *("section", "sort", "page", "per_page", "tile"),
    *(kind.option for kind in FILTERS.values()),
)
"""Fields of a URL that describe a view."""

Parameters = dict[str, str | list[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """A section of the Datasets page, with a page of the images that a filter selects."""

    section: str = SECTIONS[0]
    """The open section."""

    images: ImageFilter = field(default_factory=ImageFilter)
    order: Order = Order.ADDED
    page: int = 1
    page_size: int = PAGE_SIZES[1]
    tile: str = "M"
    """A key of `TILE_SIZES`."""

    @property
    def offset(self) -> int:
        """The number of images before the page."""
        return (self.page - 1) * self.page_size

    def opened(self, section: str) -> "View":
        """Return the same view with another section open."""
        return replace(self, section=section)

    def narrowed(self, images: ImageFilter) -> "View":
        """Return the view of other images, at their first page."""
        return replace(self, images=images, page=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class QualityView:
    """The overview of all checks, or a page of one's list."""

    check: Check | None = None
    """The open check; None shows the overview."""

    labels: tuple[str, ...] = ()
    """Classes of the listed images; all if empty."""

    splits: tuple[str, ...] = ()
    """Splits of the listed images; all if empty."""

    most_first: bool = False
    """Whether the most typical images come first."""

    threshold: float | None = None
    """Min. cosine similarity of near-duplicates, 0.5 to 1; None is that of the analysis."""

    cluster: int | None = None
    """Number of the open cluster; None shows all clusters."""

    page: int = 1

    def changed(self, **fields: Any) -> "QualityView":
        """Return the view with changed fields, at its first page."""
        return replace(self, **({"page": 1} | fields))


def to_parameters(view: View) -> Parameters:
    """Return a view as URL fields, without those that have their default."""
    named = {
        "section": "" if view.section == SECTIONS[0] else view.section,
        "sort": "" if view.order == Order.ADDED else str(view.order),
        "page": "" if view.page == 1 else str(view.page),
        "per_page": "" if view.page_size == PAGE_SIZES[1] else str(view.page_size),
        "tile": "" if view.tile == "M" else view.tile,
    }
    return {name: value for name, value in named.items() if value} | as_texts(view.images)


def from_parameters(parameters: Mapping[str, Sequence[str]]) -> View:
    """Return the view that URL fields describe; fields without a meaning have their default."""

    def one(name: str, allowed: Iterable[str]) -> str | None:
        value = next(iter(parameters.get(name, ())), None)
        return value if value in set(allowed) else None

    page = next(iter(parameters.get("page", ())), "")
    return View(
        section=one("section", SECTIONS) or SECTIONS[0],
        images=from_texts(parameters, lenient=True),
        order=Order(one("sort", Order) or Order.ADDED),
        page=int(page) if page.isdecimal() and len(page) < 10 and int(page) else 1,
        page_size=int(one("per_page", map(str, PAGE_SIZES)) or PAGE_SIZES[1]),
        tile=one("tile", TILE_SIZES) or "M",
    )
