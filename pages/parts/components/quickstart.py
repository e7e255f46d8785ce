"""Quick start: one button from images to search."""

import re
from collections.abc import Collection, Sequence
from typing import NoReturn

import streamlit as st

from core.commands.pipeline import QUICKSTART
from core.lineage.graph import Lineage
from core.workspace import NAME_PATTERN
from pages.parts.components import jobs_menu
from pages.parts.components.launch import launch

HELP = "Creates a model, an index and a map, and an evaluation if the images are labeled."


def offer(dataset: str, lineage: Lineage, key: str) -> bool:
    """Draw the button that makes a dataset searchable; return whether it is drawn.

    It is not drawn for a dataset that has an index, nor while the pipeline runs.
    """
    if lineage.indexes_of(dataset=dataset) or jobs_menu.is_active(QUICKSTART):
        return False
    if st.button(
        "Make searchable",
        key=f"quickstart-{key}",
        type="primary",
        icon=":material/bolt:",
        help=HELP,
    ):
        start(dataset)
    return True


def start(name: str, arguments: Sequence[str] = ()) -> NoReturn:
    """Queue the quick start of a dataset; `arguments` name the images to import first."""
    launch(QUICKSTART, [*arguments, "--name", name], dataset=name)


def free_name(wanted: str, taken: Collection[str]) -> str:
    """Return a valid name of a dataset similar to `wanted` that is not taken."""
    name = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")
    name = name if NAME_PATTERN.fullmatch(name) else "images"
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free
