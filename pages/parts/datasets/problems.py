"""Files of a dataset that were not imported or cannot be used, by reason."""

import streamlit as st

from core.datasets.catalog import GONE
from core.datasets.importing.rejected import group_problems
from core.datasets.registry import Dataset
from core.datasets.tally import Reason
from pages.parts.components import empty
from pages.parts.components.text import counted, plain

MAX_LISTED = 10_000
"""Most files of a reason in its table."""

MAX_OPEN = 20
"""A reason with at most so many files is open."""


def show(dataset: Dataset, num_unchecked: int) -> None:
    """Draw the files of each reason, and a button that removes missing ones from the catalog."""
    groups = group_problems(dataset)
    if not groups:
        empty.state(empty.DONE, "No problems found.", key="problems")
    if num_unchecked:
        st.markdown(f":small[{num_unchecked:,} images are not verified.]")
    for number, (reason, paths) in enumerate(groups.items()):
        what = "row" if reason.lower() in (Reason.NO_IMAGE, Reason.ROW) else "file"
        title = f"{counted(len(paths), what)} · {plain(reason)}"
        with st.expander(title, expanded=len(paths) <= MAX_OPEN):
            if len(paths) > MAX_LISTED:
                st.caption(f"First {MAX_LISTED:,}")
            st.dataframe(
                {"file": paths[:MAX_LISTED]}, hide_index=True, key=f"datasets-problems-{number}"
            )
    if GONE in groups:
        gone = [row.id for row in dataset.catalog.problems() if row.problem == GONE]
        st.button(
            f"Remove {len(gone):,} missing",
            key="datasets-forget-gone",
            help="Removes missing files and their tags from the dataset.",
            on_click=dataset.catalog.forget,
            args=(gone,),
        )
