"""Datasets page: import, browse and curate images."""

from collections import Counter

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.commands import dataset_import, datasets
from core.commands.pipeline import QUICKSTART
from core.datasets.columns import ImageFilter, ImageStatus
from core.datasets.registry import Dataset, open_dataset
from core.lineage.graph import Lineage, read_lineage
from pages.parts.components import header, jobs_menu, quickstart
from pages.parts.components.curation_form import undo_button
from pages.parts.components.text import counted, plain
from pages.parts.components.tiles import SHORT_SPLITS
from pages.parts.datasets import (
    classes,
    duplicates,
    grid,
    import_form,
    labeling,
    problems,
    tools,
)
from state import facts, resources, session
from state.view import SECTIONS, View

SECTIONS_WIDTH = 428
"""In pixels, so that its place is as wide before its script is loaded."""

VERBS = (QUICKSTART, *dataset_import.COMMANDS, *datasets.COMMANDS)


def status(dataset: Dataset, num_unchecked: int) -> None:
    """Draw the numbers of images, classes and problems, in one line."""
    catalog = dataset.catalog
    splits: Counter[str] = Counter()
    classes: set[str] = set()
    for label, split, count in facts.class_counts(catalog):
        splits[split or ""] += count
        classes |= {label} if label else set()
    parts = [f"{splits.total():,} images"]
    if classes:
        parts += [
            f"{len(classes):,} classes",
            " / ".join(f"{short} {splits[split]:,}" for split, short in SHORT_SPLITS.items()),
        ]
    else:
        parts.append("no classes")
    parts += [
        f"{facts.count(catalog, ImageFilter(status=ImageStatus.EXCLUDED)):,} excluded",
        counted(facts.count(catalog, ImageFilter(status=ImageStatus.PROBLEM)), "problem"),
    ]
    if num_skipped := facts.num_not_imported(dataset):
        parts.append(f"{num_skipped:,} not imported")
    if num_unchecked:
        parts.append(f"{num_unchecked:,} not verified")
    with st.container(width="content", key="datasets-status"):
        text = f":small[{' · '.join(parts)}]"
        st.markdown(text, width="content", help=_about(dataset, bool(classes)))


def _about(dataset: Dataset, has_classes: bool) -> str | None:
    """Return the help of the numbers."""
    if not has_classes:
        return "Training and evaluation need classes; searching and exploring do not."
    if dataset.left_out:
        return f"Not imported: {plain(', '.join(dataset.left_out))} (clutter, no class)."
    return None


def section_control(view: View) -> None:
    """Draw the choice of the section."""
    st.segmented_control(
        "Section",
        SECTIONS,
        key=session.set_widget("datasets-section", view.section),
        on_change=open_section,
        required=True,
        label_visibility="collapsed",
        width=SECTIONS_WIDTH,
    )


def section(
    dataset: Dataset, view: View, lineage: Lineage, num_unchecked: int, bar: DeltaGenerator
) -> None:
    """Draw the open section; its controls go into the bar above it."""
    match view.section:
        case "Images":
            grid.show(dataset, view, bar)
        case "Classes":
            classes.show(dataset, view, lineage, bar)
        case "Labeling":
            labeling.show(dataset, lineage, bar)
        case "Duplicates":
            duplicates.show(dataset, num_unchecked)
        case _:
            problems.show(dataset, num_unchecked)


def open_section() -> None:
    """Open another section."""
    view = session.read_view()
    session.set_view(view.opened(session.value_of("datasets-section")))


def page(dataset: Dataset, lineage: Lineage) -> None:
    """Draw the title with the actions, the choice of the section, and the section."""
    view = session.read_view()
    num_unchecked, is_grouped = facts.unchecked(dataset)
    needs_verification = bool(num_unchecked) or not is_grouped
    with st.container(gap="xsmall"):
        with header.title("Datasets"):
            status(dataset, num_unchecked)
            st.space("stretch")
            tools.missing_folder(dataset)
            undo_button(dataset)
            if view.section != "Labeling":  # It offers the same
                quickstart.offer(dataset.name, lineage, "datasets")
            tools.menu(dataset, is_verified=jobs_menu.is_active(*VERBS) or not needs_verification)
        bar = st.container(
            horizontal=True, vertical_alignment="center", gap="small", key="datasets-bar"
        )
        with bar:
            section_control(view)
        section(dataset, view, lineage, num_unchecked, bar)
    tools.show(dataset, view, lineage)


chosen = session.enter_page()
lineage = read_lineage(resources.workspace())
if chosen.dataset is None:
    header.title("Datasets")
    import_form.show(0)
    jobs_menu.wait_for(*VERBS)
else:
    page(open_dataset(resources.workspace(), chosen.dataset), lineage)
