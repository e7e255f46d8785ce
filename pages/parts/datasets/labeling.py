"""Label assistant: examples by selection, proposals for the other unlabeled images."""

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.lineage.graph import Lineage
from pages.parts.components import curation_form, empty, errors, quickstart
from pages.parts.components.gallery import Tile, selectable_gallery, selection_buttons
from pages.parts.components.tiles import tile_of
from pages.parts.datasets.view_controls import PAGER_WIDTH
from state import labeling, resources, session
from state.view import TILE_SIZES

if TYPE_CHECKING:
    from core.labeling.proposals import LabelProposals

PAGE_SIZE = 60
CONFIDENT, UNCERTAIN, VARIED = "Most confident", "Least confident", "Varied"
ALL_CLASSES = "All classes"
TARGET = 95
"""Default expected precision of labels that are accepted in bulk, in percent."""


def show(dataset: Dataset, lineage: Lineage, bar: DeltaGenerator) -> None:
    """Draw the proposals, the button that accepts them, and the actions on selected images.

    The controls of pages go into the bar above.
    """
    chosen = session.selection()
    indexes = lineage.indexes_of(dataset=dataset.name)
    index = next((index for index in indexes if index.id == chosen.index), None)
    index = index or next(iter(indexes), None)
    if index is None:
        with empty.state("label", "Label proposals need an index.", key="labeling"):
            quickstart.offer(dataset.name, lineage, "labeling")
        return
    with errors.shown():
        proposals = labeling.proposals(index, dataset)
        if len(proposals.unlabeled):
            _images(dataset, index, proposals, bar)
        else:
            empty.state(empty.DONE, "All indexed images are labeled.", key="labeling")


def _images(
    dataset: Dataset, index: Manifest, proposals: "LabelProposals", bar: DeltaGenerator
) -> None:
    order = _bar(dataset, proposals)
    ids = _listed(dataset, index, proposals, order)
    num_pages = -(-len(ids) // PAGE_SIZE)
    page = min(session.value_of("labeling-page") or 1, max(num_pages, 1))
    here = ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    chosen = session.selection()
    chosen.labeling_selected &= frozenset(proposals.unlabeled.tolist())
    event = selectable_gallery(
        _tiles(dataset, here, proposals),
        selected=chosen.labeling_selected,
        key="labeling-gallery",
        tile_px=TILE_SIZES["M"],
        label="Unlabeled images",
        one_line=True,
        opens=False,
    )
    if event.selected is not None:
        chosen.labeling_selected = event.selected
    with bar:
        st.markdown(f"**{len(ids):,}** unlabeled images", width="content")
        if not chosen.labeling_selected:
            selection_buttons("labeling", chosen.labeling_selected, here, _select)
        st.space("stretch")
        if num_pages > 1:
            key = session.set_widget("labeling-page", page)
            st.pagination(num_pages, key=key, max_visible_pages=5, width=PAGER_WIDTH)
    if chosen.labeling_selected:
        _actions(dataset, proposals, chosen.labeling_selected, here)


def _bar(dataset: Dataset, proposals: "LabelProposals") -> str:
    """Draw the order and the acceptance of proposals in bulk; return the order."""
    if not proposals.labels:
        st.markdown(
            "Select images of one class and set their class. Proposals start with two classes of "
            f"two images each; {proposals.num_examples:,} labeled so far."
        )
        return VARIED
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        order = st.segmented_control(
            "Order", (CONFIDENT, UNCERTAIN, VARIED), default=CONFIDENT, key="labeling-order",
            required=True,
        )  # fmt: skip
        st.selectbox(
            "Proposed class",
            (ALL_CLASSES, *sorted(set(proposals.labels.values()))),
            key="labeling-class",
            width=220,
        )
        precision = st.slider(
            "Min. expected precision",
            50,
            100,
            TARGET,
            format="%d %%",
            key="labeling-precision",
            help=f"Share of right labels among all accepted, cross-validated on "
            f"{proposals.num_examples:,} labeled images.",
            width=260,
        )
        count = proposals.num_at(precision / 100)
        st.button(
            f"Accept {count:,} labels",
            key="labeling-accept-all",
            type="primary",
            icon=":material/done_all:",
            disabled=not count,
            help="Labels the most confident images and tags them “auto-labeled”.",
            on_click=lambda: _accept(dataset, proposals.first(count), reviewed=False),
        )
    return order


def _listed(
    dataset: Dataset, index: Manifest, proposals: "LabelProposals", order: str
) -> list[int]:
    """Return the ids of the images to show, in their order."""
    if order == VARIED:
        typical: list[int] = labeling.representatives(index, dataset, PAGE_SIZE).tolist()
        return typical
    label = session.value_of("labeling-class") or ALL_CLASSES
    ids = [
        image_id
        for image_id, proposed in proposals.labels.items()
        if label in (ALL_CLASSES, proposed)
    ]
    return ids if order == CONFIDENT else ids[::-1]


def _tiles(dataset: Dataset, ids: list[int], proposals: "LabelProposals") -> list[Tile]:
    rows = dataset.catalog.rows_by_id(ids)
    resources.make_thumbnails(dataset, list(rows.values()))
    return [
        tile_of(
            dataset,
            rows.get(image_id),
            id=image_id,
            title=proposals.labels.get(image_id, ""),
            caption=f"{proposals.probabilities[image_id]:.0%}" if proposals.labels else "",
        )
        for image_id in ids
    ]


def _actions(
    dataset: Dataset, proposals: "LabelProposals", selected: frozenset[int], here: list[int]
) -> None:
    """Draw the actions on the selected images at the bottom of the window."""
    ids = sorted(selected)
    with st.bottom, st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{len(ids):,}** selected", width="content")
        selection_buttons("labeling", selected, here, _select)
        st.space("stretch")
        if proposals.labels:
            proposed = {image_id: proposals.labels[image_id] for image_id in ids}
            st.button(
                "Accept proposed",
                key="labeling-accept",
                type="primary",
                icon=":material/check:",
                on_click=lambda: _accept(dataset, proposed, reviewed=True),
            )
        curation_form.changes(dataset, ids, key="labeling")


def _accept(dataset: Dataset, labels: dict[int, str], *, reviewed: bool) -> None:
    from core.labeling.proposals import accept

    curation_form.say(accept(dataset.catalog, labels, reviewed=reviewed))


def _select(ids: frozenset[int]) -> None:
    session.selection().labeling_selected = ids
