"""Forms that import a dataset: sample, Caltech-101, folder, zip."""

import re
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.commands.command import Command
from core.commands.dataset_import import DOWNLOAD, GENERATE, SCAN, UNZIP
from core.datasets.importing.archives import MAX_ARCHIVE_BYTES
from core.datasets.importing.sources import folder_source
from core.datasets.importing.uploads import keep_for_job
from core.datasets.layout import BACKGROUND, Labels
from core.datasets.registry import require_free_name
from core.datasets.splits import SplitConfig
from core.options import as_arguments, bounds_of, default_of
from core.workspace import NAME_PATTERN
from pages.parts.components import config_fields, errors
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from state import resources, session

SOURCES = ("Drawn set", "Caltech-101", "A folder", "A zip")
LABELS = {
    Labels.AUTO: "Recognize it",
    Labels.TOP: "The top folders",
    Labels.LEAF: "The folders that hold the images",
    Labels.NONE: "None: no classes",
}
PROTOCOL = 30
"""Train images of each class in most work on Caltech-101."""


def show(num_datasets: int) -> None:
    """Draw the choice of the source, and the form of the chosen one."""
    source = st.segmented_control(
        "Where do the images come from?",
        SOURCES,
        default=SOURCES[0],
        required=True,
        key="datasets-way",
    )
    if source == "Drawn set":
        _drawn(num_datasets)
    elif source == "Caltech-101":
        _caltech101()
    elif source == "A folder":
        _folder()
    else:
        _zip()


def _drawn(num_datasets: int) -> None:
    st.markdown(
        "720 pictures in 12 classes that the app draws itself: no download, and small enough "
        "to train on in minutes. The quickest way to see everything work."
    )
    name = "drawn" if num_datasets == 0 else _name_field("drawn", "datasets-drawn-name")
    if st.button("Draw it", key="datasets-draw", type="primary", icon=":material/brush:"):
        _start(GENERATE, ["--name", name], name)


def _caltech101() -> None:
    st.markdown(
        "8,677 photographs in 101 classes (Li, Andreeto, Ranzato & Perona, 2022; CC BY 4.0). "
        f"`{BACKGROUND}` is left out: it is clutter, not a class."
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
        _start_folder(folder, name, splits, [])
    else:
        _start(DOWNLOAD, ["--name", name, *as_arguments(splits)], name)


def _folder() -> None:
    st.markdown(
        "A folder with a folder for each class; its images are read where they are and never "
        "changed. A folder of images without class folders works too: it can be browsed, searched "
        "and mapped, and only training needs classes."
    )
    folder = st.text_input(
        "Folder on the machine that runs the app",
        key="datasets-folder",
        placeholder="/path/to/images",
    ).strip()
    name = _name_field(_name_from(folder), f"datasets-folder-name-{_name_from(folder)}")
    reading, splits = _reading("folder"), _splits("folder")
    ready = splits is not None and bool(folder)
    if st.button("Bring it in", key="datasets-folder-go", type="primary", disabled=not ready):
        _start_folder(folder, name, splits or SplitConfig(), reading)


def _zip() -> None:
    st.markdown(
        "A zip of images, in class folders at any depth or in none; what systems leave in it is "
        "passed over. For more than 1 GB unpack it and choose its folder."
    )
    times = session.value_of("datasets-zips") or 0
    file = st.file_uploader(
        "Archive",
        type="zip",
        max_upload_size=MAX_ARCHIVE_BYTES >> 20,
        key=f"datasets-zip-{times}",  # A new one each time, or the session would keep the bytes
    )
    suggested = _name_from(Path(file.name).stem if file else "")
    name = _name_field(suggested, f"datasets-zip-name-{suggested}")
    reading, splits = _reading("zip"), _splits("zip")
    ready = file is not None and splits is not None
    go = st.button("Bring it in", key="datasets-zip-go", type="primary", disabled=not ready)
    if not go or file is None or splits is None:
        return
    with errors.shown():
        require_free_name(resources.workspace(), name)
        path = keep_for_job(resources.workspace(), file.name, file, ".zip")
        session.remember("datasets-zips", times + 1)
        arguments = [str(path), "--remove", "--name", name, *reading, *as_arguments(splits)]
        _start(UNZIP, arguments, name)


def _reading(key: str) -> list[str]:
    """Draw the settings of the folder structure, and return them as arguments."""
    with st.expander("How to read its folders"):
        labels = st.selectbox(
            "What names the class",
            list(LABELS),
            format_func=LABELS.__getitem__,
            key=f"datasets-{key}-labels",
            help="Folders named train, val and test become splits, and folders named images are "
            "passed through.",
        )
        keep = st.checkbox(
            f"Keep a class folder named {BACKGROUND}",
            key=f"datasets-{key}-background",
            help="Caltech-101's clutter folder is no class and is left out by default.",
        )
    named = [] if labels == Labels.AUTO else ["--labels", str(labels)]
    return named + (["--keep-background"] if keep else [])


def _start_folder(folder: str, name: str, splits: SplitConfig, reading: list[str]) -> None:
    with errors.shown():
        folder_source(Path(folder))
        _start(SCAN, [folder, "--name", name, *reading, *as_arguments(splits)], name)


def _start(command: Command, arguments: list[str], name: str) -> None:
    with errors.shown():
        require_free_name(resources.workspace(), name)
        if any(name in view.record.arguments for view in resources.jobs().active()):
            st.warning(f"{plain(name)} is already being imported; see below.")
        else:
            launch(command, arguments)


def _name_field(default: str, key: str) -> str:
    return st.text_input("Name", value=default, key=key, max_chars=80).strip()


def _name_from(folder: str) -> str:
    """Return a valid dataset name similar to the name of a folder."""
    name = re.sub(r"[^a-z0-9]+", "-", Path(folder).name.lower()).strip("-")
    return name if NAME_PATTERN.fullmatch(name) else "images"


def split_fields(key: str) -> SplitConfig | None:
    """Draw the fields of a split and return it, or None with an error if it is impossible."""
    fixed = st.toggle(
        "A fixed number of train images in each class",
        key=f"{key}-fixed",
        help="The rest is divided by the two shares. 30 is the usual protocol for Caltech-101.",
    )
    columns = st.columns(4 if fixed else 3, vertical_alignment="bottom")
    validation = _percent("validation", columns[0], key, help="Chooses the best epoch.")
    test = _percent("test", columns[1], key, help="Kept for evaluation; never trained on.")
    seed = config_fields.number(
        SplitConfig,
        "seed",
        "Seed",
        key=f"{key}-seed",
        place=columns[2],
        help="Fixes which images go where.",
    )
    per_class = 0
    if fixed:
        per_class = config_fields.number(
            SplitConfig,
            "train_per_class",
            "Train images",
            key=f"{key}-per-class",
            place=columns[3],
            min_value=1,
            value=PROTOCOL,
            help="Of each class.",
        )
    try:
        return SplitConfig(
            validation=validation / 100,
            test=test / 100,
            train_per_class=int(per_class),
            seed=int(seed),
        )
    except ValueError:
        st.error(
            "Give the rest to validation, test or both."
            if validation + test == 0
            else "Leave at least 10 % for training."
        )
        return None


def _percent(name: str, place: DeltaGenerator, key: str, *, help: str) -> int:
    """Draw the field of a share, and return it in percent."""
    numbers = (*bounds_of(SplitConfig, name), default_of(SplitConfig, name))
    low, high, default = (round(100 * number) for number in numbers)
    label = f"{name.capitalize()}, %"
    percent: int = place.number_input(label, low, high, default, key=f"{key}-{name}", help=help)
    return percent


def _splits(key: str) -> SplitConfig | None:
    with st.expander("How to split it (70 % train, 10 % validation, 20 % test)"):
        return split_fields(f"datasets-{key}")
