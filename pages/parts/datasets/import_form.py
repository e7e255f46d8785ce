"""Form that imports a dataset: a folder, an upload, an archive, Caltech-101 or the sample."""

import streamlit as st

from core.commands.reading_options import as_reading_arguments
from core.datasets.layout import Reading
from core.datasets.registry import require_free_name
from core.datasets.splits import SplitConfig
from core.lineage.graph import read_lineage
from core.options import as_arguments
from pages.parts.components import errors, quickstart, suggested_text
from pages.parts.components.launch import launch
from pages.parts.components.text import plain
from pages.parts.datasets import import_preview, import_sources, reading_fields
from pages.parts.datasets.import_sources import Chosen
from pages.parts.datasets.split_fields import split_fields
from state import resources

FOLDER, UPLOAD, ZIP = "Folder", "Upload folder", "Archive"
CALTECH, SAMPLE = "Caltech-101", "Sample dataset"
SOURCES = (FOLDER, UPLOAD, ZIP, CALTECH, SAMPLE)
ABOUT = {
    CALTECH: "8,677 photographs in 101 classes (Li, Andreeto, Ranzato & Perona, 2022; CC BY 4.0).",
    SAMPLE: "720 generated images in 12 classes. No download.",
}


def show(num_datasets: int) -> None:
    """Draw the choice of the source and the form of the chosen one."""
    source = st.segmented_control(
        "Source", SOURCES, default=FOLDER, required=True, key="datasets-way"
    )
    fields, beside = st.columns(2) if num_datasets == 0 else (st.container(), st.container())
    key = {FOLDER: "folder", UPLOAD: "upload", ZIP: "zip", CALTECH: "caltech", SAMPLE: "sample"}
    with fields:
        _form(str(source), key[str(source)], beside)


def _form(source: str, key: str, beside: "st.delta_generator.DeltaGenerator") -> None:
    if source in ABOUT:
        st.caption(ABOUT[source])
    chosen = _source(source)
    name = _name_field(chosen.wanted_name if chosen else "", key)
    splits = SplitConfig() if source == SAMPLE else _splits(key)
    has_folders = chosen is not None and chosen.listed is not None
    reading, read = Reading(), None
    if source != SAMPLE and (source != CALTECH or has_folders):
        reading, read = reading_fields.show(chosen, f"datasets-{key}")
        with beside:
            import_preview.panel(read, splits, f"datasets-{key}-preview")
    is_ready = splits is not None and reading_fields.can_import(chosen, read)
    _buttons(key, chosen if is_ready else None, name, splits or SplitConfig(), reading)


def _source(source: str) -> Chosen | None:
    if source == FOLDER:
        return import_sources.folder("datasets-folder")
    if source == UPLOAD:
        return import_sources.upload("datasets-upload")
    if source == ZIP:
        return import_sources.archive("datasets-zip")
    if source == CALTECH:
        return import_sources.caltech101("datasets-caltech-folder")
    return import_sources.sample()


def _buttons(
    key: str, chosen: Chosen | None, name: str, splits: SplitConfig, reading: Reading
) -> None:
    """Draw the buttons that import, the second with all that makes a dataset searchable."""
    label = {"sample": "Generate", "caltech": "Download"}.get(key, "Import")
    if key == "caltech" and chosen and chosen.listed:
        label = "Import"
    with st.container(horizontal=True, key="import-actions"):
        go = st.button(label, key=f"datasets-{key}-go", type="primary", disabled=chosen is None)
        quick = st.button(
            f"{label} and make searchable",
            key=f"datasets-{key}-quick",
            icon=":material/bolt:",
            disabled=chosen is None,
            help=quickstart.HELP,
        )
    if chosen is not None and (go or quick):
        _start(chosen, name, splits, reading, is_quick=quick)


def _start(
    chosen: Chosen, name: str, splits: SplitConfig, reading: Reading, *, is_quick: bool
) -> None:
    with errors.shown():
        require_free_name(resources.workspace(), name)
        if any(name in view.record.arguments for view in resources.jobs().active()):
            st.warning(f"{plain(name)} is already being imported.")
            return
        arguments = [*chosen.keep(), *as_reading_arguments(reading), *as_arguments(splits)]
        if is_quick:
            quickstart.start(name, [*chosen.quick, *arguments])
        launch(chosen.command, [*arguments, "--name", name])


def _name_field(wanted: str, key: str) -> str:
    suggested = quickstart.free_name(wanted, read_lineage(resources.workspace()).datasets)
    return suggested_text.draw("Name", suggested, key=f"datasets-{key}-name", max_chars=80)


def _splits(key: str) -> SplitConfig | None:
    with st.expander("Splits (70 / 10 / 20 %)"):
        return split_fields(f"datasets-{key}")
