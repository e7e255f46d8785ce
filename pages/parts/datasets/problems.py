"""Files of a dataset that cannot be used, with the reasons."""

import streamlit as st

from core.datasets.catalog import GONE
from core.datasets.columns import ImageFilter, ImageStatus
from core.datasets.importing.reading import read_rejected
from core.datasets.registry import Dataset
from state import facts

PROBLEMS = ImageFilter(status=ImageStatus.PROBLEM)
MAX_LISTED = 1000


def show(dataset: Dataset, num_unchecked: int) -> None:
    """Draw the list of files, and a button that removes missing ones from the catalog."""
    _rejected(dataset)
    count = facts.count(dataset.catalog, PROBLEMS)
    if not count:
        st.success(
            "Every file could be read."
            if not num_unchecked
            else f"Every header could be read; {num_unchecked:,} images are yet to be decoded."
        )
        return
    rows = dataset.catalog.problems(MAX_LISTED)
    st.dataframe(
        {"file": [row.path for row in rows], "reason": [row.problem for row in rows]},
        hide_index=True,
        key="datasets-problems",
    )
    if count > len(rows):
        st.caption(f"The first {len(rows):,} of {count:,}.")
    gone = [row.id for row in rows if row.problem == GONE]
    if gone:
        st.button(
            f"Forget the {len(gone):,} that are gone",
            key="datasets-forget-gone",
            help="With their tags. If the files may come back, leave them here.",
            on_click=dataset.catalog.forget,
            args=(gone,),
        )


def _rejected(dataset: Dataset) -> None:
    """Draw the list of images of the archive that were not imported."""
    rejected = read_rejected(dataset.folder)
    if rejected:
        with st.expander(f"{len(rejected):,} images of the archive were left out"):
            st.dataframe(
                {
                    "file": [image.path for image in rejected],
                    "reason": [image.problem for image in rejected],
                },
                hide_index=True,
                key="datasets-refused",
            )
