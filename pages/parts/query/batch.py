"""Batch query: the form, its job, and the tables of finished batches."""

from datetime import datetime
from pathlib import Path
from typing import NoReturn

import streamlit as st
from streamlit.typing import UploadedFile

from core.artifacts.manifests import Manifest
from core.commands.query import QUERY_BATCH
from core.datasets.importing.archives import MAX_ARCHIVE_BYTES
from core.datasets.importing.uploads import keep_for_job
from core.jobs.records import Status
from core.options import as_arguments
from core.query.batch.config import BatchConfig, BatchFormat
from core.query.batch.listing import Batch, delete_batch, list_batches
from core.query.batch.sources import check_source
from core.query.batch.table import first_rows
from pages.parts.components import config_fields, downloads, errors, job_panel
from pages.parts.components.launch import launch
from pages.parts.components.text import duration, plain, size
from state import resources, session
from state.job_views import JobView

ZIP, FOLDER = "A zip", "A folder"
NAMES = {BatchFormat.CSV: "CSV", BatchFormat.PARQUET: "Parquet"}
UPLOADS = "query-batch-zips"
"""State key: number of zips uploaded in this tab."""

MAX_LISTED = 5
ROWS_SHOWN = 50


def show(index: Manifest) -> None:
    """Show the form, the job and the finished tables."""
    st.markdown(
        "Search by all images of a folder or a zip at once. It makes a table with a row for each: "
        "its predicted category, and the ids, paths, categories and similarities of its matches. "
        "An image that is in the index finds itself first; the column `copy_of` names it."
    )
    _form(index)
    job_panel.show(QUERY_BATCH, sentence=_sentence)
    batches = list_batches(resources.workspace(), index.made_from["dataset"])
    for batch in batches[:MAX_LISTED]:
        _table(batch)
    downloads.older(len(batches) - MAX_LISTED, resources.workspace().batches)


def _form(index: Manifest) -> None:
    file, folder = _where()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        config = _how(index)
        go = st.button(
            "Search by all of them",
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
        "Where are the queries?", (ZIP, FOLDER), default=ZIP, required=True, key="query-batch-way"
    )
    if way == FOLDER:
        folder = st.text_input(
            "Folder of queries on the machine that runs the app",
            key="query-batch-folder",
            placeholder="/path/to/images",
            help="Its images are read where they are, those in folders below too, and never "
            "changed.",
        )
        return None, folder.strip()
    file = st.file_uploader(
        "Zip of images",
        type="zip",
        max_upload_size=MAX_ARCHIVE_BYTES >> 20,
        # A new one each time, or the session would keep the bytes
        key=f"{UPLOADS}-{session.value_of(UPLOADS) or 0}",
        help="In folders at any depth or in none. What cannot be read has a row that says why.",
    )
    return file, ""


def _how(index: Manifest) -> BatchConfig:
    """Show the settings and return them."""
    k = config_fields.number(BatchConfig, "k", "Matches of each", key="query-batch-k", width=160)
    form = BatchFormat(
        st.selectbox(
            "Format",
            list(NAMES),
            format_func=NAMES.__getitem__,
            key="query-batch-format",
            help="CSV opens anywhere; its lists are JSON. Parquet has types and lists, for pandas, "
            "Polars or DuckDB.",
            width=160,
        )
    )
    return BatchConfig(index=index.id, k=int(k), format=form)


def _start(arguments: list[str], name: str, config: BatchConfig, index: Manifest) -> NoReturn:
    launch(
        QUERY_BATCH,
        [*arguments, *as_arguments(config)],
        dataset=index.made_from["dataset"],
        title=f"Searching by the images of {name}",
    )


def _sentence(view: JobView) -> str | None:
    """Return how many queries have a result, if it is known."""
    if view.result is None or view.record.status not in (Status.DONE, Status.STOPPED):
        return None
    title, counts = plain(view.record.title), _counts(view.result)
    if view.record.status == Status.STOPPED and view.result["stopped"]:
        return f":orange[:material/stop_circle:] {title}: stopped. The table is kept: {counts}."
    took = duration(view.record.ended - view.record.created)
    return f":green[:material/check_circle:] {title}: done in {took}, {counts}."


def _counts(facts: dict[str, int]) -> str:
    words = f"{facts['num_searched']:,} of {facts['num_queries']:,} answered"
    unreadable = facts["num_unreadable"]
    return f"{words}, {unreadable:,} cannot be read" if unreadable else words


def _table(batch: Batch) -> None:
    """Show a finished table: its facts, first rows and downloads."""
    with st.container(border=True, gap="xsmall"):
        is_offered = downloads.row(
            batch,
            _describe(batch),
            batch.file_name,
            key="query-batch",
            delete=delete_batch,
            help="Deletes this table. The images that were searched by stay.",
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
        f"{batch.k:,} matches each · {NAMES[batch.format]}, {size(batch.size_bytes)}"
    )
