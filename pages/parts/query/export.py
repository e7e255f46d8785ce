"""Taking the matches that are shown out: a popover with three downloads."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from core.datasets.registry import Dataset
from core.query.export import Asked, matches_as_csv, matches_as_json, matches_as_zip, num_bytes_of
from pages.parts.components.downloads import MAX_DOWNLOADED_BYTES
from pages.parts.components.text import size
from state import resources

if TYPE_CHECKING:
    from core.query.search import Match


def popover(dataset: Dataset, matches: "Sequence[Match]", asked: Asked) -> None:
    """Offer the matches of one answer; nothing is made before it is asked for.

    Args:
        dataset: Whose images they are.
        matches: Best first.
        asked: What they are an answer to.
    """
    with st.popover(
        "Take out",
        icon=":material/download:",
        key="query-take-out",
        disabled=not matches,
    ):
        st.markdown(f"The **{len(matches):,}** matches shown, best first.")
        st.download_button(
            "CSV table",
            partial(matches_as_csv, dataset, matches),
            file_name=f"{asked.stem}.csv",
            mime="text/csv",
            on_click="ignore",
            icon=":material/table:",
            key="query-take-out-csv",
            width="stretch",
        )
        st.download_button(
            "JSON",
            partial(matches_as_json, dataset, matches, asked),
            file_name=f"{asked.stem}.json",
            mime="application/json",
            on_click="ignore",
            icon=":material/data_object:",
            key="query-take-out-json",
            width="stretch",
            help="With the query, the index and the model that it was made from.",
        )
        _zip(dataset, matches, asked)


def _zip(dataset: Dataset, matches: "Sequence[Match]", asked: Asked) -> None:
    num_bytes = num_bytes_of(matches)
    fits = num_bytes <= MAX_DOWNLOADED_BYTES
    st.download_button(
        f"Zip of the images, {size(num_bytes)}",
        partial(matches_as_zip, resources.workspace(), dataset, matches, asked),
        file_name=f"{asked.stem}.zip",
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
