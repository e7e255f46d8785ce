"""The four ways to bring in a dataset, as forms."""

import re
from pathlib import Path

import streamlit as st

from core.datasets.bring_in import folder_source
from core.datasets.layout import BACKGROUND
from core.datasets.registry import require_free_name
from core.datasets.splits import SplitConfig
from core.errors import WorkbenchError
from core.options import as_arguments
from core.workspace import NAME_PATTERN
from pages.parts.launch import IMPORT, launch
from pages.parts.text import plain
from state import resources

WAYS = ("Drawn set", "Caltech-101", "A folder")


def show(num_datasets: int) -> None:
    """Draw the choice between the ways, and the form of the chosen one."""
    way = st.segmented_control(
        "Where do the images come from?",
        WAYS,
        default=WAYS[0],
        required=True,
        key="datasets-way",
    )
    if way == "Drawn set":
        _drawn(num_datasets)
    elif way == "Caltech-101":
        _caltech101()
    else:
        _folder()


def _drawn(num_datasets: int) -> None:
    st.markdown(
        "720 pictures in 12 categories that the app draws itself: no download, and small enough "
        "to train on in minutes. The quickest way to see everything work."
    )
    name = "drawn" if num_datasets == 0 else _name_field("drawn", "datasets-drawn-name")
    if st.button("Draw it", key="datasets-draw", type="primary", icon=":material/brush:"):
        _start(["draw", "--name", name], name, "Drawing the built-in set")


def _caltech101() -> None:
    st.markdown(
        "8,677 photographs in 101 categories (Li, Andreeto, Ranzato & Perona, 2022; CC BY 4.0). "
        f"`{BACKGROUND}` is left out: it is clutter, not a category."
    )
    folder = st.text_input(
        "Folder, if you have it already",
        key="datasets-caltech-folder",
        placeholder="/path/to/caltech101",
        help="Its root, 101_ObjectCategories, or the folder around them. Empty: download 137 MB.",
    ).strip()
    name = _name_field("caltech101", "datasets-caltech-name")
    splits = _splits("caltech")
    label = "Bring it in" if folder else "Download it"
    if splits is None or not st.button(label, key="datasets-caltech-go", type="primary"):
        return
    if folder:
        _start_folder(folder, name, splits, keep_background=False)
    else:
        arguments = ["download", "--name", name, *as_arguments(splits)]
        _start(arguments, name, "Downloading Caltech-101")


def _folder() -> None:
    st.markdown(
        "A folder with a folder for each category; its images are read where they are and never "
        "changed. A folder of images without class folders works too: it can be browsed, searched "
        "and mapped, and only training needs categories."
    )
    folder = st.text_input(
        "Folder on the machine that runs the app",
        key="datasets-folder",
        placeholder="/path/to/images",
    ).strip()
    name = _name_field(_name_from(folder), f"datasets-folder-name-{_name_from(folder)}")
    keep = st.checkbox(
        f"Keep a class folder named {BACKGROUND}",
        key="datasets-keep-background",
        help="Caltech-101's clutter folder is no category and is left out by default.",
    )
    splits = _splits("folder")
    ready = splits is not None and bool(folder)
    if st.button("Bring it in", key="datasets-folder-go", type="primary", disabled=not ready):
        _start_folder(folder, name, splits or SplitConfig(), keep_background=keep)


def _start_folder(folder: str, name: str, splits: SplitConfig, *, keep_background: bool) -> None:
    try:
        folder_source(Path(folder), keep_background=keep_background)
    except WorkbenchError as error:
        st.error(plain(str(error)))
        return
    arguments = ["scan", folder, "--name", name, *as_arguments(splits)]
    arguments += ["--keep-background"] if keep_background else []
    _start(arguments, name, f"Bringing in {name}")


def _start(arguments: list[str], name: str, title: str) -> None:
    try:
        require_free_name(resources.workspace(), name)
    except WorkbenchError as error:
        st.error(plain(str(error)))
        return
    if any(name in view.record.arguments for view in resources.jobs().active()):
        st.warning(f"{plain(name)} is being brought in already; see below.")
        return
    launch(arguments, title, lane=IMPORT)
    st.rerun()


def _name_field(default: str, key: str) -> str:
    return st.text_input("Name", value=default, key=key, max_chars=80).strip()


def _name_from(folder: str) -> str:
    """Suggest a name for a folder, as near to its own as a name may be."""
    name = re.sub(r"[^a-z0-9]+", "-", Path(folder).name.lower()).strip("-")
    return name if NAME_PATTERN.fullmatch(name) else "images"


def split_fields(key: str) -> SplitConfig | None:
    """Draw the fields of a split and return it, or None with a sentence if it cannot be."""
    columns = st.columns(3)
    validation = columns[0].number_input(
        "Validation, %", 0, 50, 10, key=f"{key}-validation", help="Chooses the best epoch."
    )
    test = columns[1].number_input(
        "Test, %", 0, 50, 20, key=f"{key}-test", help="Kept for evaluation; never trained on."
    )
    seed = columns[2].number_input(
        "Seed", 0, 2**31, 0, key=f"{key}-seed", help="Fixes which images go where."
    )
    try:
        return SplitConfig(validation=validation / 100, test=test / 100, seed=int(seed))
    except ValueError:
        st.error("Leave at least 10 % for training.")
        return None


def _splits(key: str) -> SplitConfig | None:
    with st.expander("How to split it (70 % train, 10 % validation, 20 % test)"):
        return split_fields(f"datasets-{key}")
