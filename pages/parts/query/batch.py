"""Batch query: the form, its job, and the tables of finished batches."""

from datetime import datetime
from pathlib import Path
from typing import NoReturn

import streamlit as st
from streamlit.typing import UploadedFile

from core.artifacts.manifests import Manifest
from core.commands.query import QUERY_BATCH
from core.datasets.importing.archive_budget import MAX_ARCHIVE_BYTES
from core.datasets.importing.uploads import keep_for_job
from core.options import as_arguments
from core.query.batch.config import BatchConfig, BatchFormat
from core.query.batch.listing import Batch, delete_batch, list_batches
from core.query.batch.sources import check_source
from core.query.batch.table import first_rows
from pages.parts.components import config_fields, downloads, errors, jobs_menu
from pages.parts.components.launch import launch
from pages.parts.components.text import plain, size
from state import resources, session

ZIP, FOLDER = "Zip file", "Server folder"
NAMES = {BatchFormat.CSV: "CSV", BatchFormat.PARQUET: "Parquet"}
UPLOADS = "query-batch-zips"
"""State key: number of zips uploaded in this tab."""

MAX_LISTED = 5
ROWS_SHOWN = 50


def show(index: Manifest) -> None:
    """Show the form, the job and the finished tables."""
    with st.container(border=True):
        _form(index)
    jobs_menu.wait_for(QUERY_BATCH)
    batches = list_batches(resources.workspace(), index.made_from["dataset"])
    for batch in batches[:MAX_LISTED]:
        _table(batch)
    downloads.older(len(batches) - MAX_LISTED, resources.workspace().batches)


def _form(index: Manifest) -> None:
    file, folder = _where()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        config = _how(index)
        go = st.button(
            "Start batch",
            key="query-batch-go",
            type="primary",
            icon=":material/play_arrow:",
            disabled=not (file or folder),
        )
    if not go:
        return
    with errors.shown():
        if file is not None:
            path = keep_for_job(resources.workspace(), file.name, file, ".zip")
            session.remember(UPLOADS, (session.value_of(UPLOADS) or 0) + 1)
            _start([str(path), "--remove"], file.name, config, index)
        else:
            path = check_source(Path(folder)).absolute()
            _start([str(path)], path.name or folder, config, index)


def _where() -> tuple[UploadedFile | None, str]:
    """Show the source of the queries; return a zip or a folder's path (None and empty if unset)."""
    way = st.segmented_control(
        "Query images",
        (ZIP, FOLDER),
        default=ZIP,
        required=True,
        key="query-batch-way",
        help="Writes a table with the predicted class and the matches of each image.",
    )
    if way == FOLDER:
        folder = st.text_input(
            "Folder",
            key="query-batch-folder",
            placeholder="/path/to/images",
            help="On the server, with subfolders; files are only read.",
        )
        return None, folder.strip()
    file = st.file_uploader(
        "Zip of images",
        type="zip",
        max_upload_size=MAX_ARCHIVE_BYTES >> 20,
        # A new one each time, or the session would keep the bytes
        key=f"{UPLOADS}-{session.value_of(UPLOADS) or 0}",
        help="Folders at any depth; unreadable files are listed in the table.",
    )
    return file, ""


def _how(index: Manifest) -> BatchConfig:
    """Show the settings and return them."""
    k = config_fields.number(BatchConfig, "k", "Matches per query", key="query-batch-k", width=160)
    form = BatchFormat(
        st.selectbox(
            "Format",
            list(NAMES),
            format_func=NAMES.__getitem__,
            key="query-batch-format",
            help="Lists are JSON in CSV, and typed columns in Parquet.",
            width=160,
        )
    )
    return BatchConfig(index=index.id, k=int(k), format=form)


def _start(arguments: list[str], name: str, config: BatchConfig, index: Manifest) -> NoReturn:
    launch(
        QUERY_BATCH,
        [*arguments, *as_arguments(config)],
        dataset=index.made_from["dataset"],
        title=f"Batch query with {name}",
    )


def _counts(facts: dict[str, int]) -> str:
    words = f"{facts['num_searched']:,} of {facts['num_queries']:,} searched"
    unreadable = facts["num_unreadable"]
    return f"{words}, {unreadable:,} unreadable" if unreadable else words


def _table(batch: Batch) -> None:
    """Show a finished table: its facts, first rows and downloads."""
    with st.container(border=True, gap="xsmall"):
        is_offered = downloads.row(
            batch,
            _describe(batch),
            batch.file_name,
            key="query-batch",
            delete=delete_batch,
            help="Deletes this table, not the query images.",
        )
        rows = st.expander(
            "First rows", key=f"query-batch-rows-{batch.id}", on_change="rerun", type="compact"
        )
        if rows.open:
            with rows:
                _rows(batch)
        if not is_offered:
            downloads.place(batch.path)


def _rows(batch: Batch) -> None:
    rows = first_rows(batch.path, batch.format, ROWS_SHOWN)
    shown = rows[["query", "prediction", "probability"]].assign(
        best=rows["match_paths"].str[0], similarity=rows["similarities"].str[0]
    )
    if rows["problem"].fillna("").any():
        shown = shown.assign(problem=rows["problem"])
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="",
        column_config={
            "probability": st.column_config.NumberColumn(format="percent"),
            "best": "best match",
            "similarity": st.column_config.NumberColumn(format="%.4f"),
            "problem": st.column_config.TextColumn(width="large"),
        },
    )


def _describe(batch: Batch) -> str:
    made = datetime.fromisoformat(batch.created).strftime("%Y-%m-%d %H:%M UTC")
    facts = {
        "num_searched": batch.num_searched,
        "num_queries": batch.num_queries,
        "num_unreadable": batch.num_unreadable,
    }
    stopped = ", stopped" if batch.stopped else ""
    return (
        f"{plain(batch.source)} · {made} · {_counts(facts)}{stopped} · "
        f"{batch.k:,} matches per query · {NAMES[batch.format]}, {size(batch.size_bytes)}"
    )
