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
from pages.parts.components.downloads import MAX_DOWNLOADED_BYTES
from pages.parts.components.text import size
from state import resources


def popover(dataset: Dataset, result: QueryResult) -> None:
    """Show the downloads of a result; a file is made when its button is clicked."""
    matches, stem = result.matches, file_stem(result)
    with st.popover(
        "Take out",
        icon=":material/download:",
        key="query-take-out",
        disabled=not matches,
    ):
        st.markdown(f"The **{len(matches):,}** matches shown, best first.")
        st.download_button(
            "CSV table",
            partial(matches_as_csv, dataset, result),
            file_name=f"{stem}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/table:",
            key="query-take-out-csv",
            width="stretch",
        )
        st.download_button(
            "JSON",
            partial(result_as_json, dataset, result),
            file_name=f"{stem}.json",
            mime="application/json",
            on_click="ignore",
            icon=":material/data_object:",
            key="query-take-out-json",
            width="stretch",
            help="With the query, the index and the model that it was made from.",
        )
        _zip(dataset, result, stem)


def _zip(dataset: Dataset, result: QueryResult, stem: str) -> None:
    num_bytes = num_bytes_of(result.matches)
    fits = num_bytes <= MAX_DOWNLOADED_BYTES
    st.download_button(
        f"Zip of the images, {size(num_bytes)}",
        partial(matches_as_zip, resources.workspace(), dataset, result),
        file_name=f"{stem}.zip",
        mime="application/zip",
        on_click="ignore",
        icon=":material/folder_zip:",
        key="query-take-out-zip",
        width="stretch",
        disabled=not fits,
        help="The files as they are, their names beginning with the rank; with both tables.",
    )
    if not fits:
        st.caption(
            f"The images are too large for one download, which takes {size(MAX_DOWNLOADED_BYTES)}."
            " Ask for fewer matches, or take the files that the table names from their place."
        )
