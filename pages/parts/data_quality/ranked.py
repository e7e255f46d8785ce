"""Gallery of the images that a check ranks, with scores; images can be opened and selected."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.quality.config import Check
from pages.parts.components import downloads, empty, navigation
from pages.parts.components.curation_form import undo_button
from pages.parts.components.gallery import Tile, selectable_gallery, selection_buttons
from pages.parts.components.tiles import tiles_of
from pages.parts.data_quality import actions, details, filters
from pages.parts.data_quality.listed import Listed, list_images
from pages.parts.data_quality.titles import MEANINGS, count_of
from state import quality, session
from state.view import QualityView

if TYPE_CHECKING:
    from core.quality.ranking import Ranking

PAGE_SIZE = 60
NEED_LABELS = (Check.LABEL_ISSUES, Check.REPRESENTATIVENESS)


def show(
    dataset: Dataset,
    manifest: Manifest,
    view: QualityView,
    ranking: "Ranking",
    bar: DeltaGenerator,
) -> None:
    """Draw the listed images, the actions on them, and the dialog of the open one.

    Counts and pages are in the toolbar `bar`; the view has an open check.
    """
    check = Check(view.check or Check.LABEL_ISSUES)
    listed = list_images(dataset, manifest, view, ranking, check)
    chosen = session.selection()
    chosen.quality_selected = listed.among(chosen.quality_selected)
    if not len(listed.ids):
        _show_empty(dataset, manifest, view, listed)
        undo_button(dataset, key="quality")
        return
    num_pages = -(-len(listed.ids) // PAGE_SIZE)
    page = min(view.page, num_pages)
    first = (page - 1) * PAGE_SIZE
    here: list[int] = listed.ids[first : first + PAGE_SIZE].tolist()
    _gallery(dataset, here, first, listed)
    with bar:
        st.markdown(
            f"**{first + 1:,}–{first + len(here):,}** of **{len(listed.ids):,}**{_extreme(listed)}",
            width="content",
            help=MEANINGS[check],
        )
        selection_buttons("quality", chosen.quality_selected, here, _select)
        if not chosen.quality_selected:
            undo_button(dataset, key="quality")
        csv_button(quality.as_csv, manifest, dataset, listed.ranking)
        st.space("stretch")
        if num_pages > 1:
            key = session.set_widget("quality-page", page)
            st.pagination(num_pages, key=key, on_change=_change_page)
    _show_reviewed(listed)
    if chosen.quality_selected:
        actions.show(dataset, listed)
    details.show(dataset, manifest, listed)


def _gallery(dataset: Dataset, here: Sequence[int], first: int, listed: Listed) -> None:
    """Draw a page of images, from place `first`, and take over what is selected and opened."""
    chosen = session.selection()
    rows = dataset.catalog.rows_by_id(here)
    places = {image_id: place for place, image_id in enumerate(here, first)}
    shown = [rows[image_id] for image_id in here if image_id in rows]
    event = selectable_gallery(
        _tiles(dataset, shown, places, listed),
        selected=chosen.quality_selected,
        key="quality-gallery",
        label="Found images",
    )
    if event.selected is not None:
        chosen.quality_selected = listed.among(event.selected)
    if event.opened is not None:
        chosen.quality_open = event.opened


def csv_button(write: Callable[..., bytes], *parts: object) -> None:
    """Draw the button that exports a list as CSV, written when it is clicked."""
    downloads.button(
        "CSV",
        lambda: write(*parts),
        f"{session.selection().quality_view.check}.csv",
        key="quality-csv",
        type="tertiary",
        help="All pages of this list.",
    )


def _extreme(listed: Listed) -> str:
    """Return the number of extreme images after a separator; empty if the check has none."""
    if listed.check not in (Check.OUTLIERS, Check.REPRESENTATIVENESS) or not listed.num_extreme:
        return ""
    return f" · **{count_of(listed.check, listed.num_extreme)}**"


def _tiles(
    dataset: Dataset, rows: Sequence[ImageRow], places: Mapping[int, int], listed: Listed
) -> list[Tile]:
    return [
        replace(tile, caption=f"{listed.caption_at(places[row.id])}\n{row.split or 'no split'}")
        for tile, row in zip(tiles_of(dataset, rows), rows, strict=True)
    ]


def _select(ids: frozenset[int]) -> None:
    session.selection().quality_selected = ids


def _change_page() -> None:
    chosen = session.selection()
    chosen.quality_view = replace(chosen.quality_view, page=int(session.value_of("quality-page")))


def _show_reviewed(listed: Listed) -> None:
    if listed.num_reviewed:
        st.caption(
            f"{listed.num_reviewed:,} reviewed images are hidden by the tag "
            f"“{listed.check.checked_tag}”."
        )


def _show_empty(dataset: Dataset, manifest: Manifest, view: QualityView, listed: Listed) -> None:
    """Tell why nothing is listed, and what to do."""
    image_labels = quality.image_labels(manifest, dataset)
    if listed.check in NEED_LABELS and not (image_labels.labels >= 0).any():
        if empty.button("label", "No image has a label.", "Label images", key="next-datasets"):
            navigation.go("Datasets")
    elif listed.check == Check.LABEL_ISSUES and len(image_labels.classes) < 2:
        empty.state("label", "Label issues need at least two classes.", key="quality")
    elif listed.num_reviewed:
        empty.state(empty.DONE, "All images are reviewed.", key="quality")
        _show_reviewed(listed)
    elif view.labels or view.splits:
        filters.none_match("No images match the filters.")
    else:
        empty.state(empty.DONE, "No issues found.", key="quality")
