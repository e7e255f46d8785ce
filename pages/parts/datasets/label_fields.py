"""Fields of an import that say where the classes come from: folders, a table, or file names."""

from contextlib import suppress
from dataclasses import replace
from itertools import islice

import streamlit as st

from core.datasets.annotations.annotated import Annotated
from core.datasets.annotations.file_names import NO_ANNOTATIONS, is_table_name
from core.datasets.annotations.patterns import parse_pattern, suggest_pattern
from core.datasets.annotations.roles import Columns, Role, recognize_columns
from core.datasets.layout import Labels, Reading
from core.errors import WorkbenchError
from pages.parts.components import suggested_text
from pages.parts.components.text import plain, shortened
from state.previews import Listed

NAMES = "names"
SOURCES = {
    Labels.AUTO: "Automatic",
    Labels.TOP: "Top folders",
    Labels.LEAF: "Innermost folders",
    NAMES: "File names",
    Labels.NONE: "None",
}
"""Sources of labels beside annotation files → label."""

COLUMNS = {
    Role.PATH: "Path column",
    Role.LABEL: "Label column",
    Role.SPLIT: "Split column",
    Role.TAGS: "Tags column",
}
MAX_EXAMPLES = 3
MAX_READ = 2000
"""Most images among which examples of different classes are looked for."""

MAX_NAME = 60
"""Most characters of a path in an example."""

WITHOUT = ""
"""Choice of no column."""


def show(reading: Reading, listed: Listed | None, key: str) -> Reading:
    """Draw the fields; return the reading with what they say.

    Args:
        reading: What other fields say.
        listed: The files of the source, None without a source.
        key: Start of the widget keys.
    """
    files = listed.listing.offered if listed else []
    source = st.selectbox(
        "Class label from",
        [*SOURCES, *files],
        format_func=lambda name: SOURCES.get(name, name),
        key=f"{key}-labels",
        help="A folder, a table such as metadata.jsonl or labels.csv, or the file name.",
    )
    if source == NAMES:
        return _by_names(reading, listed, key)
    if source in files and listed is not None:
        columns = _columns(listed, source, key) if is_table_name(source) else ()
        return replace(reading, annotations=source, columns=columns)
    labels = Labels(source)
    annotations = "" if labels == Labels.AUTO or not files else NO_ANNOTATIONS
    return replace(reading, labels=labels, annotations=annotations)


def _by_names(reading: Reading, listed: Listed | None, key: str) -> Reading:
    """Draw the pattern of file names and what it reads; return the reading with it."""
    suggested = listed.listing.suggested_pattern if listed else suggest_pattern(())
    text = suggested_text.draw(
        "File name pattern",
        suggested,
        key=f"{key}-pattern",
        live=True,
        help="{class}, {split}, {tag}, {number} (digits) and {any}; a slash includes the folder.",
    )
    reading = replace(reading, pattern=text or suggested)
    if listed:
        with suppress(WorkbenchError):  # The preview says why
            _examples(listed.listing.annotated(reading))
    return reading


def _examples(annotated: Annotated) -> None:
    """Draw what a pattern reads in some of the names, and a name that does not match."""
    num_parts = parse_pattern(annotated.pattern).num_parts

    def name_of(path: str) -> str:
        return plain(shortened("/".join(path.split("/")[-num_parts:]), MAX_NAME))

    lines: dict[str, str] = {}
    for path, found in islice(annotated.images.items(), MAX_READ):
        said = (found.label, found.split, *found.tags)
        read = " · ".join(plain(str(each)) for each in said if each)
        lines.setdefault(read, f"{name_of(path)} → **{read}**")
        if len(lines) == MAX_EXAMPLES:
            break
    missing = [f"{name_of(path)} → no match" for path in annotated.without[:1]]
    st.caption("  \n".join([*lines.values(), *missing]))


def _columns(listed: Listed, file: str, key: str) -> Columns:
    """Draw the columns of a table; return those that differ from what is recognized."""
    try:
        names = listed.listing.columns(file)
    except WorkbenchError:
        return ()  # The preview says why
    known = recognize_columns(names)
    grid = st.grid(2, min_column_width=100)
    chosen = []
    for role, title in COLUMNS.items():
        column = grid.cell().selectbox(
            title,
            [WITHOUT, *dict.fromkeys(names)],
            index=list(dict.fromkeys(names)).index(known[role]) + 1 if role in known else 0,
            format_func=lambda name: name or "None",
            key=f"{key}-column-{role}-{file}-{listed.key}",
        )
        if column != known.get(role, WITHOUT):
            chosen.append((role, column))
    return tuple(chosen)
