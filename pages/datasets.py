"""Datasets: bring images in, look at them, split them."""

from collections import Counter

import streamlit as st

from core.datasets.catalog import ImageFilter, Split
from core.datasets.registry import Dataset, delete_dataset, open_dataset
from core.datasets.scan import resplit
from core.lineage import read_lineage
from pages.parts import bring_in, charts, guards, job_panel, ways
from pages.parts.gallery import gallery
from pages.parts.launch import IMPORT, launch
from pages.parts.text import plain
from pages.parts.tiles import tiles_of
from state import choices, resources, session

PAGE_SIZE = 48
CLASS_WIDTH = 190
ALL = "All"


def header(dataset: Dataset) -> None:
    """Say how much there is, and offer to look again or to split anew."""
    catalog = dataset.catalog
    counts = catalog.class_counts()
    splits: Counter[str] = Counter()
    for _, split, count in counts:
        splits[split or "no split"] += count
    num_problems = len(catalog.problems())
    figures = st.grid(6, min_column_width=110)
    figures.metric("Images", f"{sum(splits.values()):,}")
    figures.metric("Classes", f"{len({label for label, _, _ in counts if label}):,}")
    for split in Split:
        figures.metric(split.capitalize(), f"{splits[split]:,}")
    figures.metric("Unreadable", f"{num_problems:,}")
    if dataset.left_out:
        st.caption(f"Left out: {plain(', '.join(dataset.left_out))} (clutter, no category).")
    if not any(label for label, _, _ in counts):
        st.info(
            "These images have no labels. Browse, index, query and explore them with a model "
            "trained elsewhere; training and evaluation need class folders."
        )


def tools(dataset: Dataset) -> None:
    """Offer what can be done with the whole dataset."""
    with st.container(horizontal=True):
        if st.button("Scan again", key="datasets-rescan", icon=":material/refresh:"):
            title = f"Scanning {dataset.name} again"
            arguments = ["rescan", "--dataset", dataset.name]
            launch(arguments, title, about=dataset.name, lane=IMPORT)
            st.rerun()
        with st.popover("Split anew", icon=":material/call_split:"):
            st.markdown("Models and indexes made before become stale.")
            config = bring_in.split_fields("datasets-resplit")
            if config and st.button("Split", key="datasets-resplit-go", type="primary"):
                resplit(resources.workspace(), dataset.name, config)
                st.rerun()
        with st.popover("Forget", icon=":material/delete:"):
            st.markdown(
                "Forgets the dataset and its thumbnails. "
                + (
                    "The drawn images go with it."
                    if dataset.source == "drawn"
                    else "Your image files stay where they are."
                )
            )
            if st.button("Forget it", key="datasets-forget", type="primary"):
                delete_dataset(resources.workspace(), dataset.name)
                session.selection().dataset = None
                st.rerun()


def browse(dataset: Dataset) -> None:
    """Draw the paged gallery with its filters."""
    catalog = dataset.catalog
    labels = catalog.labels()
    filters = st.container(horizontal=True)
    label = filters.selectbox(
        "Class", [ALL, *labels], key=f"datasets-class-{dataset.name}", width=CLASS_WIDTH
    )
    split = filters.segmented_control(
        "Split", [ALL, *Split], default=ALL, required=True, key=f"datasets-split-{dataset.name}"
    )
    images = ImageFilter(
        label=None if label == ALL else label, split=None if split == ALL else split
    )
    count = catalog.count(images)
    filters.metric("Shown", f"{count:,}", width="content")
    if count == 0:
        st.info("No image fits these filters. Choose another class or split.")
        return
    num_pages = -(-count // PAGE_SIZE)
    key = f"datasets-page-{dataset.name}-{label}-{split}"
    page = st.pagination(num_pages, key=key) if num_pages > 1 else 1
    rows = catalog.rows(images, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
    clicked = gallery(
        tiles_of(dataset, rows), key="datasets-gallery", label="Images of the dataset"
    )
    if clicked is not None:
        session.selection().query_image = clicked
        ways.go("Query")
    st.caption("Click an image to search for those like it.")


def problems(dataset: Dataset) -> None:
    """List the files that cannot be used."""
    rows = dataset.catalog.problems()
    if not rows:
        st.success("Every file could be read.")
        return
    st.dataframe(
        {"file": [row.path for row in rows], "reason": [row.problem for row in rows]},
        hide_index=True,
    )


workspace = resources.workspace()
chosen = session.enter_page()
st.title("Datasets")
lineage = read_lineage(workspace)
names = list(lineage.datasets)

if not names:
    st.markdown("Nothing is here yet. Choose where your images come from.")
    bring_in.show(0)
    job_panel.show("draw", "scan", "download", "rescan")
    st.stop()

with st.expander("Bring in another dataset", icon=":material/add_photo_alternate:"):
    bring_in.show(len(names))
job_panel.show("draw", "scan", "download", "rescan")

picked = st.selectbox(
    "Dataset",
    names,
    index=names.index(chosen.dataset) if chosen.dataset in names else 0,
    key=f"datasets-pick-{chosen.dataset}",
)
if picked != chosen.dataset:
    choices.choose_dataset(chosen, picked, lineage)
    st.rerun()

dataset = open_dataset(workspace, picked)
header(dataset)
if not lineage.indexes_of_dataset(dataset.name):
    if len(dataset.catalog.labels()) >= 2 and not lineage.models_of(dataset.name):
        guards.next_step("Training", "Next: train a model")
    elif lineage.models:
        guards.next_step("Indexes", "Next: build an index")
tools(dataset)
images_tab, classes_tab, problems_tab = st.tabs(["Images", "Images per class", "Unreadable files"])
with images_tab:
    browse(dataset)
with classes_tab:
    charts.class_bars(dataset)
with problems_tab:
    problems(dataset)
