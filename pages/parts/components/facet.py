"""Facet: the values of a filter with their counts, to click."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pages.parts.components.browser_component import component
from state import session

HTML = """
<p class="label" id="label"></p>
<input type="search" hidden>
<div class="values"></div>
<p class="none" hidden>No match</p>
"""

SEARCHED = 12
"""With more values there is a field that searches among them."""

LABEL_PX, SEARCH_PX, VALUE_PX, MAX_LIST_PX = 26, 36, 25, 216
"""Heights as the CSS has them: reserved, so that nothing moves when the values appear."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of a filter. Its name is shown literally, never as Markdown or HTML."""

    value: str
    name: str
    count: int
    """Number of images with it."""


_MOUNT = component("workbench_facet", Path(__file__).parent, HTML, ("facet.js",), "facet.css")


def facet(
    label: str,
    values: Sequence[Value],
    selected: Sequence[str],
    *,
    key: str,
    change: Callable[[tuple[str, ...]], None],
    single: bool = False,
) -> None:
    """Draw the values of a filter with their counts as bars; a click selects or deselects one.

    Args:
        label: Name of the filter.
        values: Its values, in the order in which they are listed.
        selected: The values that are selected.
        key: Widget key.
        change: Called with all selected values, in their order, after a click.
        single: Whether exactly one value is selected at a time.
    """
    known = {value.value for value in values}

    def picked() -> None:
        # The browser sends it, so it may be anything
        sent = (session.value_of(key) or {}).get("picked")
        if isinstance(sent, list):
            change(tuple(value for value in sent if isinstance(value, str) and value in known))

    _MOUNT(
        key=key,
        data={
            "label": label,
            "values": [asdict(value) for value in values],
            "selected": list(selected),
            "single": single,
            "searched": len(values) > SEARCHED,
        },
        height=_height(len(values)),
        on_picked_change=picked,
    )


def _height(num_values: int) -> int:
    search = SEARCH_PX if num_values > SEARCHED else 0
    return LABEL_PX + search + min(VALUE_PX * num_values, MAX_LIST_PX)
