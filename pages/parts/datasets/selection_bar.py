"""Selection of images: the menu that selects, and the actions at the bottom of the window."""

import json
from functools import partial

import streamlit as st

from core.datasets import curation
from core.datasets.columns import ImageRow, ImageStatus
from core.datasets.export.listing import COLUMNS, as_csv, record_of
from core.datasets.registry import Dataset
from pages.parts.components import downloads
from pages.parts.components.curation_form import changes
from pages.parts.components.gallery import selection_buttons
from state import session
from state.view import View

PAGE, ALL = "Page", "All"


def menu(dataset: Dataset, view: View, rows: list[ImageRow], count: int) -> None:
    """Draw the menu that selects the images of the page, or all."""

    def select() -> None:
        if session.value_of("datasets-select") == PAGE:
            _pick(session.selection().selected_images | {row.id for row in rows})
        else:
            _pick(frozenset(dataset.catalog.ids(view.images)))

    st.menu_button(
        "Select",
        [PAGE, ALL] if count > len(rows) else [ALL],
        format_func=lambda what: f"{what} ({len(rows) if what == PAGE else count:,})",
        key="datasets-select",
        icon=":material/select_all:",
        on_click=select,
    )


def show(dataset: Dataset, view: View, rows: list[ImageRow], count: int) -> None:
    """Draw the selection and the actions on it, if there is one."""
    picked = sorted(session.selection().selected_images)
    if not picked:
        return
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{len(picked):,}** selected", width="content")
        _extend(dataset, view, rows, count)
        st.space("stretch")
        can_include = view.images.status != ImageStatus.USABLE
        changes(dataset, picked, key="datasets", can_include=can_include)
        downloads.button(
            "CSV",
            partial(_as_csv, dataset, picked),
            f"{dataset.name}-selection.csv",
            key="datasets-selection-csv",
            help="Exports a table of the selected images.",
        )


def _as_csv(dataset: Dataset, ids: list[int]) -> bytes:
    """Return a table of images, as an export has it."""
    rows, tags = dataset.catalog.rows_by_id(ids), curation.tags_of(dataset.catalog, ids)
    records = [
        record_of(dataset, row, []) | {"tags": json.dumps(tags.get(row.id, []), ensure_ascii=False)}
        for row in rows.values()
    ]
    return as_csv(records, tuple(COLUMNS))


def _extend(dataset: Dataset, view: View, rows: list[ImageRow], count: int) -> None:
    selected, here = session.selection().selected_images, [row.id for row in rows]
    has_more = count > len(here) and len(selected) < count
    all_ids = partial(dataset.catalog.ids, view.images) if has_more else None
    selection_buttons("datasets", selected, here, _pick, all_ids)


def _pick(ids: frozenset[int]) -> None:
    session.selection().selected_images = ids
