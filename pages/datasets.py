"""Datasets page: import, browse and curate images."""

from collections import Counter

import streamlit as st

from core.commands import dataset_import, datasets
from core.commands.pipeline import QUICKSTART
from core.datasets.columns import ImageFilter, ImageStatus, Split
from core.datasets.registry import Dataset, open_dataset
from core.lineage.graph import Lineage, read_lineage
from pages.parts.components import guards, job_panel, quickstart
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.datasets import classes, duplicates, grid, import_form, problems, tools
from state import facts, resources, selection_rules, session
from state.view import SECTIONS, View

PICK_WIDTH = 200
"""In pixels."""

VERBS = (QUICKSTART, *dataset_import.COMMANDS, *datasets.COMMANDS)


def header(dataset: Dataset) -> None:
    """Draw the numbers of images, classes and problems."""
    catalog = dataset.catalog
    counts = facts.class_counts(catalog)
    splits: Counter[str] = Counter()
    for _, split, count in counts:
        splits[split or "no split"] += count
    figures = st.grid(7, min_column_width=100)
    left_out = f"Left out: {plain(', '.join(dataset.left_out))} (clutter, no class)."
    figures.metric(
        "Images", f"{sum(splits.values()):,}", help=left_out if dataset.left_out else None
    )
    figures.metric("Classes", f"{len({label for label, _, _ in counts if label}):,}")
    for split in Split:
        figures.metric(split.capitalize(), f"{splits[split]:,}")
    for name, status in (("Excluded", ImageStatus.EXCLUDED), ("Problems", ImageStatus.PROBLEM)):
        figures.metric(name, f"{facts.count(catalog, ImageFilter(status=status)):,}")
    if not any(label for label, _, _ in counts):
        st.info(
            "These images have no labels. Browse, index, query and explore them with a model "
            "trained elsewhere; training and evaluation need classes, by folder or given here."
        )


def missing_folders(dataset: Dataset) -> None:
    """Draw a warning for each root of the dataset that is missing."""
    for root in dataset.roots:
        if not root.path.is_dir():
            st.warning(
                f"{plain(str(root.path))} is not there. If it was moved, say under “Folders” where "
                "it is now; what is known of its images is kept.",
                icon=":material/folder_off:",
            )


def check_prompt(dataset: Dataset) -> int:
    """Draw a button that verifies undecoded images; return their number."""
    num_unchecked, is_grouped = facts.unchecked(dataset)
    if (num_unchecked or not is_grouped) and not job_panel.is_active(*VERBS):
        with st.container(horizontal=True, vertical_alignment="center"):
            undone = f"{num_unchecked:,} images have not been decoded yet."
            st.caption(undone if num_unchecked else "Not compared yet.", width="content")
            if st.button(
                "Check them",
                key="datasets-check",
                type="tertiary",
                icon=":material/fact_check:",
                help="Finds damaged files and look-alikes, and makes the thumbnails.",
            ):
                launch(datasets.VERIFY, ["--dataset", dataset.name])
    return num_unchecked


def next_step(dataset: Dataset, lineage: Lineage) -> None:
    """Draw the button to make the dataset searchable and a link to the next page."""
    if quickstart.offer(dataset.name, lineage, "datasets"):
        if len(facts.labels(dataset.catalog)) >= 2 and not lineage.models_of(dataset.name):
            guards.next_step("Training", "Next: train a model", primary=False)
        elif lineage.models:
            guards.next_step("Indexes", "Next: build an index", primary=False)


def section_control(view: View) -> None:
    """Draw the choice of the section."""
    st.segmented_control(
        "Section",
        SECTIONS,
        key=session.set_widget("datasets-section", view.section),
        on_change=open_section,
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )


def section(dataset: Dataset, view: View, lineage: Lineage, num_unchecked: int) -> None:
    """Draw the open section."""
    match view.section:
        case "Images":
            grid.show(dataset, view)
        case "Classes":
            classes.show(dataset, view, lineage)
        case "Duplicates":
            duplicates.show(dataset, num_unchecked)
        case _:
            problems.show(dataset, num_unchecked)


def open_section() -> None:
    """Open another section."""
    view = session.read_view()
    session.set_view(view.opened(session.value_of("datasets-section")))


chosen = session.enter_page()
st.title("Datasets")
lineage = read_lineage(resources.workspace())
names = list(lineage.datasets)

if not names:
    st.markdown("Nothing is here yet. Choose where your images come from.")
    import_form.show(0)
    job_panel.show(*VERBS)
    st.stop()

with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
    picked = st.selectbox(
        "Dataset",
        names,
        index=names.index(chosen.dataset) if chosen.dataset in names else 0,
        key=f"datasets-pick-{chosen.dataset}",
        label_visibility="collapsed",
        width=PICK_WIDTH,
    )
    if picked != chosen.dataset:
        selection_rules.choose_dataset(chosen, picked, lineage)
        session.set_view(View())
        st.rerun()
    with st.popover("New", icon=":material/library_add:", help="Bring in another dataset"):
        import_form.show(len(names))
    dataset = open_dataset(resources.workspace(), picked)
    view = session.read_view()
    tools.show(dataset, view, lineage)
job_panel.show(*VERBS, controls=quickstart.open_query)
missing_folders(dataset)

header(dataset)
with st.container(horizontal=True, vertical_alignment="center"):
    next_step(dataset, lineage)
    num_unchecked = check_prompt(dataset)
section_control(view)
section(dataset, view, lineage, num_unchecked)
