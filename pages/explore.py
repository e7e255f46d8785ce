"""Explore page: embedding maps of an index, side by side, or over a training."""

from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.commands.maps import MAP
from core.datasets.registry import open_dataset
from core.lineage.graph import Lineage, read_lineage
from core.maps.config import MIN_IMAGES
from pages.parts.components import empty, errors, guards, header, jobs_menu
from pages.parts.components.text import plain
from pages.parts.explore import form, map, side_by_side, training_history
from state import resources, session

MAP_VIEW, BESIDE, EPOCHS = "Map", "Side by side", "Training history"


def first_map(index: Manifest) -> None:
    """Draw the form for the first map of an index, and its progress."""
    if jobs_menu.wait_for(MAP):
        return
    with empty.state(
        "scatter_plot",
        f"Map the **{index.summary['count']:,}** embeddings of **{plain(index.id)}**: "
        "similar images lie close together.",
        key="map",
    ):
        form.show_folded(index)


def main(index: Manifest, lineage: Lineage, maps: list[Manifest], line: DeltaGenerator) -> None:
    """Draw the maps of an index; `line` has the title of the page."""
    dataset = open_dataset(resources.workspace(), index.made_from["dataset"])
    run = resources.run_of(index.made_from["model"])
    others = side_by_side.other_maps(lineage, index)
    views = [MAP_VIEW, *([BESIDE] if others else []), *([EPOCHS] if run else [])]
    view = MAP_VIEW
    if len(views) > 1:
        view = line.segmented_control(
            "View",
            views,
            default=MAP_VIEW,
            required=True,
            key="explore-view",
            label_visibility="collapsed",
            persist_state="session",
        )
    facts = line.container(horizontal=True, width="stretch", key="explore-facts")
    with errors.shown():
        if view == BESIDE:
            side_by_side.show(maps, others, index, dataset)
        elif view == EPOCHS and run is not None:
            training_history.show(run, dataset, facts)
        else:
            map.show(maps, index, lineage, dataset, facts)
    if view == MAP_VIEW:
        with line.popover("New projection", icon=":material/add:", key="explore-new"):
            form.show(index)


chosen = session.enter_page()
title_line = header.title("Explore")
read = read_lineage(resources.workspace())
current = guards.require_index(chosen, read, "A map")
guards.require_images(current, "A map", MIN_IMAGES)
drawn = read.maps_of(current)
if drawn:
    main(current, read, drawn, title_line)
else:
    first_map(current)
