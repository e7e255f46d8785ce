"""The same query in a second index, of the same or another model, side by side."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.artifacts.titles import read_title
from core.datasets.registry import Dataset
from core.lineage.graph import MODEL_CHANGED, Lineage
from core.query.query import QueryImage
from core.query.result import QueryResult, precision_by_rank, rank_changes
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.text import plain
from pages.parts.components.tiles import tiles_of_matches
from pages.parts.query import results
from state import resources, session

SHOWN = 50
"""Maximum number of matches in each column."""

ONLY_HERE = "only here"
LEGEND = f"▲ ▼: ranks up or down against the other index; “{ONLY_HERE}”: not found there."


def choose(index: Manifest, lineage: Lineage) -> tuple[Manifest, Manifest] | None:
    """Show the choice of an index to compare with; return it and its model, if one is chosen."""
    others = {
        other.id: (other, model)
        for other in lineage.indexes_of(dataset=index.made_from["dataset"])
        if other.id != index.id and lineage.stale_reason(other) != MODEL_CHANGED
        if (model := lineage.model(other.made_from["model"]))
    }
    if not others:
        return None
    chosen = session.selection()
    if chosen.compared_index not in others:
        chosen.compared_index = None
    st.selectbox(
        "Compare with",
        list(others),
        index=None,
        format_func=lambda name: f"{_title(others[name][0])} · {others[name][1].id}",
        key=session.set_widget("query-compared", chosen.compared_index),
        placeholder="None",
        on_change=_set,
        help="Searches another index of this dataset by the same query.",
    )
    return others.get(chosen.compared_index or "")


def _title(index: Manifest) -> str:
    return read_title(resources.workspace().indexes, index.id)


def _set() -> None:
    session.selection().compared_index = session.value_of("query-compared")


def show(
    dataset: Dataset,
    result: QueryResult,
    other: QueryResult,
    label: str | None,
    place: DeltaGenerator,
) -> None:
    """Show two results in columns, with the changes of rank; `place` is for the first line."""
    place.caption(LEGEND)
    pairs = ((result, other, "left"), (other, result, "right"))
    for column, (shown, compared, key) in zip(st.columns(2), pairs, strict=True):
        with column:
            _column(dataset, shown, compared, label, key)
    if result.query.positives or result.query.negatives:
        st.caption("Positive and negative examples apply to both.")


def _column(
    dataset: Dataset, result: QueryResult, compared: QueryResult, label: str | None, key: str
) -> None:
    title = _title(result.index)
    st.markdown(f"**{plain(title)}**  \n:gray[{plain(result.index.made_from['model'])}]")
    says = [
        f"{what} **{plain(shares[0][0])}** {shares[0][1]:.0%}"
        for what, shares in (("classifier", result.prediction), ("kNN vote", result.vote))
        if shares
    ]
    if label is not None and result.matches:
        precision = precision_by_rank(result.matches, label)[-1]
        says.append(f"precision@{len(result.matches)} **{precision:.2f}**")
    st.markdown(" · ".join(says) or ":gray[no prediction]")
    shown = result.matches[:SHOWN]
    tiles = tiles_of_matches(dataset, shown, label)
    moved = [
        _with_change(tile, change)
        for tile, change in zip(tiles, rank_changes(shown, compared.matches), strict=True)
    ]
    clicked = gallery(moved, key=f"query-compare-{key}", tile_px=112, label=title)
    if clicked is not None:
        session.set_query(result.query.with_only([QueryImage(image_id=clicked)]))
        st.rerun()
    results.times(result.seconds)


def _with_change(tile: Tile, change: int | None) -> Tile:
    """Return a tile with a chip for its change of rank against the other result."""
    if change is None:
        return tile.with_chip(ONLY_HERE)
    if change == 0:
        return tile
    return tile.with_chip(f"▲ {change}" if change > 0 else f"▼ {-change}")
