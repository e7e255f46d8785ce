"""Fields of an import that say how its labels and folders are read."""

from dataclasses import replace

import streamlit as st

from core.datasets.folder_names import Use
from core.datasets.importing.archive_names import ENCODINGS
from core.datasets.importing.preview import FolderPreview, Preview
from core.datasets.layout import BACKGROUND, Reading
from core.errors import WorkbenchError
from pages.parts.components.text import counted, plain, shortened
from pages.parts.datasets import label_fields
from pages.parts.datasets.import_sources import Chosen
from state.previews import Listed

USES = {
    Use.TRAIN: "Train",
    Use.VALIDATION: "Validation",
    Use.TEST: "Test",
    Use.RANDOM: "Random split",
    Use.CLASS: "Class",
    Use.UNLABELED: "Unlabeled",
    Use.SKIP: "Skip",
}
MAX_NAME = 40
"""Most characters of a folder's name in the label of a field."""

Read = tuple[Listed, Preview]


def show(chosen: Chosen | None, key: str) -> tuple[Reading, Read | WorkbenchError | None]:
    """Draw the fields; return the reading, and the files with their preview or why there is none.

    Args:
        chosen: The source, None if there is none so far.
        key: Start of the widget keys.
    """
    with st.expander("Labels and folders"):
        place = st.container()  # What its fields offer depends on the fields below
        with st.container(horizontal=True):
            reading = Reading(keep_background=_background(key), links=_links(chosen, key))
        if chosen and chosen.has_encoding:
            reading = replace(reading, encoding=_encoding(key))
        listed, failure = _list(chosen, reading)
        with place:
            reading = label_fields.show(reading, listed, key)
        if listed is None:
            return reading, failure
        try:
            seen = listed.read(reading)
            changed = _source_fields(seen, reading, key, listed.key)
            return changed, (listed, seen if changed == reading else listed.read(changed))
        except WorkbenchError as error:
            return reading, error


def can_import(chosen: Chosen | None, read: Read | WorkbenchError | None) -> bool:
    """Return whether a source can be imported: it has images, or is not listed before."""
    if chosen is None or chosen.listed is None:
        return chosen is not None
    return isinstance(read, tuple) and (read[1].num_images > 0 or not read[1].is_complete)


def _list(chosen: Chosen | None, reading: Reading) -> tuple[Listed | None, WorkbenchError | None]:
    """Return the files of a source, or why there are none; neither without a source."""
    if chosen is None or chosen.listed is None:
        return None, None
    try:
        return chosen.listed(reading), None
    except WorkbenchError as error:
        return None, error


def _background(key: str) -> bool:
    return st.checkbox(
        f"Keep {plain(BACKGROUND)}",
        key=f"{key}-background",
        help="Caltech-101's clutter folder, which is no class.",
    )


def _links(chosen: Chosen | None, key: str) -> bool:
    if chosen is None or not chosen.has_links:
        return True
    return st.checkbox("Follow links", value=True, key=f"{key}-links")


def _encoding(key: str) -> str:
    return st.selectbox(
        "Encoding of names",
        ["", *ENCODINGS],
        format_func=lambda name: name.replace("_", "-").upper() if name else "Automatic",
        key=f"{key}-encoding",
        help="For a zip whose class names look wrong.",
    )


def _source_fields(seen: Preview, reading: Reading, key: str, source: str) -> Reading:
    """Draw the fields that depend on the source."""
    if seen.num_loose:
        loose = st.checkbox(
            f"Include {counted(seen.num_loose, 'image')} beside class folders",
            value=True,
            key=f"{key}-loose",
            help="They are unlabeled.",
        )
        reading = replace(reading, loose=loose)
    if seen.folders:
        grid = st.grid(2, min_column_width=150)
        chosen = [
            _use(folder, f"{key}-use-{source}-{folder.name}", grid.cell())
            for folder in seen.folders
        ]
        uses = zip(seen.folders, chosen, strict=True)
        changed = tuple((folder.name, use) for folder, use in uses if use != folder.use)
        reading = replace(reading, folders=changed)
    return reading


def _use(folder: FolderPreview, key: str, place: "st.delta_generator.DeltaGenerator") -> Use:
    return Use(
        place.selectbox(
            f"{plain(shortened(folder.name, MAX_NAME))} · {folder.num_images:,}",
            list(USES),
            index=list(USES).index(folder.use),
            format_func=USES.__getitem__,
            key=key,
        )
    )
