"""Explore: the indexed images on a map; select some to see them."""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.artifacts import Manifest
from core.config_docs import field_docs
from core.datasets.catalog import ImageRow
from core.datasets.registry import Dataset, open_dataset
from core.errors import WorkbenchError
from core.lineage import read_lineage
from core.maps.config import FEWEST_IMAGES, MapConfig
from core.maps.selection import in_box, in_polygon
from core.options import as_arguments
from pages.parts import guards, job_panel, ways
from pages.parts.gallery import gallery
from pages.parts.launch import launch
from pages.parts.scatter import Highlight, ScatterData, ScatterEvent, scatter
from pages.parts.text import plain
from pages.parts.tiles import tiles_of, tiles_of_matches
from state import answers, resources, session

if TYPE_CHECKING:
    from core.maps.maps import Map
    from core.retrieval.search import Match

SHOWN = 60
NEIGHBOURS = 10
DOCS = field_docs(MapConfig)


def draw_form(index: Manifest, *, first: bool) -> None:
    """Draw the form that lays out a map."""
    columns = st.columns(3)
    neighbours = columns[0].number_input(
        "Neighbours", 2, 200, 15, key="explore-neighbours", help=DOCS["neighbours"]
    )
    min_dist = columns[1].number_input(
        "Least distance", 0.0, 0.99, 0.1, key="explore-min-dist", help=DOCS["min_dist"]
    )
    seed = columns[2].number_input("Seed", 0, 2**31, 0, key="explore-seed", help=DOCS["seed"])
    label = "Draw the map" if first else "Draw it anew"
    if st.button(label, key="explore-draw", type="primary" if first else "secondary"):
        config = MapConfig(
            index=index.id, neighbours=int(neighbours), min_dist=min_dist, seed=int(seed)
        )
        dataset = index.made_from["dataset"]
        launch(["map", *as_arguments(config)], f"Mapping {index.id}", about=dataset)
        st.rerun()


def selected_rows(event: ScatterEvent, umap: "Map", groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which points lie in the lasso or the box, without those hidden in the legend."""
    if event.kind == "lasso":
        inside = in_polygon(umap.points, np.column_stack([event.x, event.y]))
    else:
        low, high = np.column_stack([event.x, event.y])
        inside = in_box(umap.points, low, high)
    shown: NDArray[np.int64] = np.flatnonzero(inside & ~np.isin(groups, event.hidden))
    return shown


def show_selection(dataset: Dataset, rows: list[ImageRow]) -> None:
    """Draw what was selected: how many of which class, and the images."""
    if not rows:
        st.info("No image lies in that selection. Draw around some points.")
        return
    classes = Counter(row.label or "no label" for row in rows)
    named = ", ".join(f"{plain(label)} {count}" for label, count in classes.most_common(8))
    more = f" and {len(classes) - 8} more classes" if len(classes) > 8 else ""
    st.markdown(f"**{len(rows):,} selected**: {named}{more}")
    num_pages = -(-len(rows) // SHOWN)
    page = st.pagination(num_pages, key=f"explore-page-{len(rows)}") if num_pages > 1 else 1
    shown = rows[(page - 1) * SHOWN : page * SHOWN]
    use_as_query(gallery(tiles_of(dataset, shown), key="explore-selected", label="Selected images"))


def use_as_query(clicked: int | None) -> None:
    """Go on to the Query page with the image that was clicked, if one was."""
    if clicked is not None:
        session.ask_by_image(clicked)
        ways.go("Query")


def show_point(dataset: Dataset, row: ImageRow, matches: "list[Match]") -> None:
    """Draw the image that was clicked, and its true neighbours in the embedding space."""
    label = f"**{plain(row.label)}** · " if row.label else ""
    st.markdown(f"{label}{plain(row.path)}")
    grid = st.grid(4, min_column_width=200)
    with grid.cell():
        use_as_query(
            gallery(tiles_of(dataset, [row]), key="explore-point", tile_px=200, label="The point")
        )
    with grid.cell(column_span=3):
        st.caption(f"Its {len(matches)} nearest images, lined to it on the map:")
        tiles = tiles_of_matches(dataset, matches, row.label)
        use_as_query(gallery(tiles, key="explore-neighbours-of-point", label="Neighbours"))


def show_map(dataset: Dataset, index: Manifest, manifest: Manifest) -> None:
    """Draw the map, and under it what was selected on it."""
    umap = resources.opened_map(manifest.id, manifest.fingerprint)
    rows = dataset.catalog.rows_by_id(umap.image_ids.tolist())
    labels = [
        (rows[i].label or "no label") if i in rows else "gone" for i in umap.image_ids.tolist()
    ]
    names, groups = np.unique(np.array(labels, dtype=object).astype(str), return_inverse=True)
    chosen = session.selection()
    event: ScatterEvent | None = chosen.map_event.get(manifest.id)
    point = event.index if event is not None else None
    row = rows.get(int(umap.image_ids[point])) if point is not None else None
    matches = answers.neighbours_of(index, row.id, NEIGHBOURS) if row is not None else []
    highlight = None
    if point is not None:
        places = {image_id: place for place, image_id in enumerate(umap.image_ids.tolist())}
        near = [places[match.image_id] for match in matches if match.image_id in places]
        highlight = Highlight(point, near)
    new = scatter(
        ScatterData(
            x=umap.points[:, 0],
            y=umap.points[:, 1],
            groups=groups.astype(np.int32),
            group_names=names.tolist(),
            version=f"{manifest.fingerprint}-{dataset.catalog.fingerprint}",
        ),
        key=f"explore-map-{manifest.id}",
        highlight=highlight,
        selection=event if point is None else None,
    )
    if new is not None:
        chosen.map_event[manifest.id] = None if new.kind == "clear" else new
        st.rerun()
    if row is not None:
        show_point(dataset, row, matches)
    elif event is not None:
        ids = umap.image_ids[selected_rows(event, umap, groups)].tolist()
        show_selection(dataset, [rows[i] for i in ids if i in rows])
    else:
        st.caption(
            "Click a point to see its image and its neighbours; draw a lasso or a box to see what "
            "lies in it; click a category in the legend to hide it, twice to see it alone."
        )


chosen = session.enter_page()
st.title("Explore")
lineage = read_lineage(resources.workspace())
index = guards.require_index(chosen, lineage, "A map")
dataset = open_dataset(resources.workspace(), index.made_from["dataset"])
maps = lineage.maps_of(index)
if index.summary["count"] < FEWEST_IMAGES:
    st.info(
        f"A map needs at least {FEWEST_IMAGES} images, and {plain(index.id)} holds "
        f"{index.summary['count']}. Choose another index, or add images to the dataset."
    )
    st.stop()
if not maps:
    st.markdown(
        f"Lay out the **{index.summary['count']:,}** embeddings of **{plain(index.id)}** in two "
        "dimensions with UMAP: images that the model finds alike come to lie near each other."
    )
    draw_form(index, first=True)
    job_panel.show("map")
    st.stop()
job_panel.show("map")
try:
    show_map(dataset, index, maps[0])
except WorkbenchError as error:
    st.error(plain(str(error)))
with st.expander("Draw the map anew", icon=":material/tune:"):
    draw_form(index, first=False)
