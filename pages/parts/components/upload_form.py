"""Form that uploads a file and imports it under a name, by a job."""

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.commands.command import Command
from core.datasets.importing.uploads import keep_for_job
from core.workspace import check_name
from pages.parts.components import errors
from pages.parts.components.launch import launch
from state import resources, session

MAX_UPLOAD_MB = 2048


def draw(
    key: str, command: Command, endings: Sequence[str], *, label: str, placeholder: str
) -> None:
    """Draw a file uploader, a name and a button that queues `VERB FILE --remove --name NAME`."""
    uploads = f"{key}s"  # How many there were in this tab
    times = session.value_of(uploads) or 0
    file = st.file_uploader(
        "File",
        type=list(endings),
        max_upload_size=MAX_UPLOAD_MB,
        key=f"{uploads}-{times}",  # A new one each time, or the session would keep the bytes
    )
    name = st.text_input(label, key=f"{key}-name", placeholder=placeholder).strip()
    go = st.button("Import", key=f"{key}-go", disabled=not (file and name))
    if not go or file is None:
        return
    with errors.shown():
        check_name(name)
        suffix = Path(file.name).suffix.lower()
        path = keep_for_job(resources.workspace(), file.name, file, suffix)
        session.remember(uploads, times + 1)
        launch(command, [str(path), "--remove", "--name", name])
