"""Explore page: embedding maps of an index, side by side, or over a training."""

import streamlit as st

from core.commands.maps import COMMANDS, MAP
from core.datasets.registry import open_dataset
from core.lineage.graph import read_lineage
from core.maps.config import MIN_IMAGES
from pages.parts.components import errors, guards, job_panel
from pages.parts.components.text import plain
from pages.parts.explore import controls, form, map, side_by_side, training_history
from state import resources, session

ONE, BESIDE, EPOCHS = "One map", "Beside another", "Through its training"

chosen = session.enter_page()
st.title("Explore")
lineage = read_lineage(resources.workspace())
index = guards.require_index(chosen, lineage, "A map")
dataset = open_dataset(resources.workspace(), index.made_from["dataset"])
maps = lineage.maps_of(index)
guards.require_images(index, "A map", MIN_IMAGES)
if not maps:
    st.markdown(
        f"Lay out the **{index.summary['count']:,}** embeddings of **{plain(index.id)}** on a map: "
        "images that the model finds alike come to lie near each other."
    )
    form.show(index, first=True)
    job_panel.show(MAP)
    st.stop()
run = resources.run_of(index.made_from["model"])
others = side_by_side.other_maps(lineage, index)
views = [ONE, *([BESIDE] if others else []), *([EPOCHS] if run else [])]
view = ONE
if len(views) > 1:
    view = st.segmented_control(
        "View",
        views,
        default=ONE,
        required=True,
        key="explore-view",
        label_visibility="collapsed",
        persist_state="session",
    )
job_panel.show(*COMMANDS)
with errors.shown():
    if view == BESIDE:
        side_by_side.show(maps, others, index, dataset)
    elif view == EPOCHS and run is not None:
        training_history.show(run, dataset)
    else:
        map.show(controls.choose_map(maps), index, lineage, dataset)
if view == ONE:
    with st.expander("Draw another map", icon=":material/tune:"):
        form.show(index, first=False)
