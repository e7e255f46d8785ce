"""Export of the matches: a popover with three downloads."""

from functools import partial

import streamlit as st

from core.datasets.registry import Dataset
from core.query.export import (
    file_stem,
    matches_as_csv,
    matches_as_zip,
    num_bytes_of,
    result_as_json,
)
from core.query.result import QueryResult
from pages.parts.components import downloads
from pages.parts.components.text import size
from state import resources


def popover(dataset: Dataset, result: QueryResult) -> None:
    """Show the downloads of a result; a file is made when its button is clicked."""
    matches, stem = result.matches, file_stem(result)
    with st.popover(
        "Export",
        icon=":material/download:",
        key="query-export",
        disabled=not matches,
    ):
        st.markdown(f"**{len(matches):,}** matches, best first")
        downloads.button(
            "CSV table",
            partial(matches_as_csv, dataset, result),
            f"{stem}.csv",
            icon=":material/table:",
            key="query-export-csv",
            width="stretch",
        )
        downloads.button(
            "JSON",
            partial(result_as_json, dataset, result),
            f"{stem}.json",
            icon=":material/data_object:",
            key="query-export-json",
            width="stretch",
            help="Includes query, index and model.",
        )
        _zip(dataset, result, stem)


def _zip(dataset: Dataset, result: QueryResult, stem: str) -> None:
    num_bytes, limit = num_bytes_of(result.matches), downloads.MAX_DOWNLOADED_BYTES
    downloads.button(
        f"Zip of the images, {size(num_bytes)}",
        partial(matches_as_zip, resources.workspace(), dataset, result),
        f"{stem}.zip",
        icon=":material/folder_zip:",
        key="query-export-zip",
        width="stretch",
        disabled=num_bytes > limit,
        help="Original files, named by rank, with CSV and JSON.",
    )
    if num_bytes > limit:
        st.caption(
            f"The zip exceeds the download limit of {size(limit)}. Show fewer matches, or copy the"
            " files listed in the CSV."
        )
