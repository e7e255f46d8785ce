"""Overview of the checks: a card each, with the number of issues and examples."""

from dataclasses import dataclass, replace

import streamlit as st

from core.artifacts.manifests import Manifest
from core.datasets.registry import Dataset
from core.quality.config import GROUPING, Check
from pages.parts.components.gallery import Tile, gallery
from pages.parts.components.tiles import tiles_of
from pages.parts.data_quality.listed import list_images
from pages.parts.data_quality.titles import MEANINGS, TITLES, count_of
from state import quality, session
from state.view import QualityView

COLUMNS, ROWS = 3, 2
"""Examples in a card: three pairs of near-duplicates, or six images."""

MIN_WIDTH, TILE_PX = 300, 128


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    count: int
    examples: list[int]
    """Catalog ids, in the order of the tiles."""

    titles: dict[int, str]
    """Catalog id → title of the tile, where it is not the class."""


def show(dataset: Dataset, manifest: Manifest) -> None:
    """Draw the cards."""
    columns = st.grid(COLUMNS, min_column_width=MIN_WIDTH)
    for check in Check:
        with columns.cell(), st.container(border=True, key=f"quality-card-{check}"):
            _card(dataset, manifest, check)


def open_check(check: Check | None) -> None:
    """Open a check, or the overview, without the selection of another one."""
    chosen = session.selection()
    chosen.quality_view = chosen.quality_view.changed(check=check, cluster=None)
    chosen.quality_selected, chosen.quality_open = frozenset(), None


def _card(dataset: Dataset, manifest: Manifest, check: Check) -> None:
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        st.header(TITLES[check], anchor=False, width="stretch", help=MEANINGS[check])
        place = st.container(width="content")
    finding = _find(dataset, manifest, check)
    place.button(
        count_of(check, finding.count) if finding.count else "None",
        key=f"quality-open-{check}",
        icon=":material/arrow_forward:",
        icon_position="right",
        on_click=open_check,
        args=(check,),
    )
    if finding.examples:
        tiles = _tiles(dataset, finding)
        key, label = f"quality-examples-{check}", f"{TITLES[check]}: examples"
        if gallery(tiles, key=key, columns=COLUMNS, tile_px=TILE_PX, label=label) is not None:
            open_check(check)
            st.rerun()


def _tiles(dataset: Dataset, finding: Finding) -> list[Tile]:
    rows = dataset.catalog.rows_by_id(finding.examples)
    shown = [rows[image_id] for image_id in finding.examples if image_id in rows]
    return [
        replace(tile, title=finding.titles.get(tile.id, tile.title), caption="")
        for tile in tiles_of(dataset, shown)
    ]


def _find(dataset: Dataset, manifest: Manifest, check: Check) -> Finding:
    if check in GROUPING:
        return _groups(dataset, manifest, check)
    if check == Check.CLUSTERS:
        return _clusters(dataset, manifest)
    ranking = quality.ranking(manifest, dataset, check, most_first=False)
    listed = list_images(dataset, manifest, QualityView(), ranking, check)
    count = len(listed.ids) if check == Check.LABEL_ISSUES else listed.num_extreme
    examples: list[int] = listed.ids[: min(count, ROWS * COLUMNS)].tolist()
    rows = dataset.catalog.rows_by_id(examples)
    suggested = {i: listed.suggested_at(place) for place, i in enumerate(examples)}
    titles = {i: f"{rows[i].label} → {to}" for i, to in suggested.items() if to and i in rows}
    return Finding(count, examples, titles)


def _groups(dataset: Dataset, manifest: Manifest, check: Check) -> Finding:
    groups = quality.groups(manifest, dataset, check, quality.default_threshold(manifest))
    shown = [group.members[row] for row in range(ROWS) for group in groups[:COLUMNS]]
    splits = {each.id: f"{each.label or 'unlabeled'} · {each.split}" for each in shown}
    titles = splits if check == Check.LEAKAGE else {}
    return Finding(len(groups), [each.id for each in shown], titles)


def _clusters(dataset: Dataset, manifest: Manifest) -> Finding:
    clusters = quality.clusters(manifest, dataset)
    image_ids = quality.analysis_of(manifest).image_ids
    central = [int(image_ids[each.rows[0]]) for each in clusters[: ROWS * COLUMNS]]
    purities = [f"{100 * each.purity:.0f} % purity" for each in clusters]
    return Finding(len(clusters), central, dict(zip(central, purities, strict=False)))
