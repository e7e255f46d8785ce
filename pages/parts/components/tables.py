"""Tables of artifacts with one selectable row."""

from typing import Any, Literal

import pandas as pd
import streamlit as st


def pick(
    rows: pd.DataFrame, *, key: str, columns: dict[str, Any], height: int | Literal["auto"] = "auto"
) -> int | None:
    """Draw a table and return the number of the selected row.

    `columns` are column configurations; a column "made" contains ISO times and is drawn as the
    time since then.
    """
    if "made" in rows:
        rows["made"] = pd.to_datetime(rows["made"])
    event = st.dataframe(
        rows,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=key,
        placeholder="",
        height=height,
        column_config={"made": st.column_config.DatetimeColumn(format="distance"), **columns},
    )
    selected = [row for row in event["selection"]["rows"] if row < len(rows)]
    return int(selected[0]) if selected else None
