"""Training history: a map of the validation images after each epoch, with a slider."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from core.commands.maps import MAP_EPOCHS
from core.datasets.columns import ImageRow
from core.datasets.registry import Dataset
from core.errors import MissingError
from core.maps.coloring import NO_LABEL, by_name
from core.maps.selection import count_classes
from core.training.runs import Run
from pages.parts.components import jobs_menu
from pages.parts.components.launch import launch
from pages.parts.components.scatter import scatter
from pages.parts.components.scatter_data import ScatterData, ScatterEvent
from pages.parts.components.text import plain
from pages.parts.explore import cloud, hover, layout
from pages.parts.explore.selection import first_images
from state import resources, session


def show(run: Run, dataset: Dataset, line: DeltaGenerator) -> None:
    """Draw the maps of a run's epochs, or the button that starts them; `line` has the title."""
    name = plain(run.title or run.id)
    try:
        maps = resources.epoch_maps(run.id)
    except MissingError:
        st.markdown(f"Map the validation images of **{name}** after each epoch.")
        if not jobs_menu.wait_for(MAP_EPOCHS) and st.button(
            "Create maps", key="explore-draw-epochs", type="primary"
        ):
            launch(MAP_EPOCHS, ["--run", run.id], dataset=dataset.name)
        return
    rows = dataset.catalog.rows_by_id(maps.image_ids.tolist())
    labels = [rows[i].label if i in rows else None for i in maps.image_ids.tolist()]
    groups = by_name([label or NO_LABEL for label in labels], NO_LABEL)
    frames = [
        (f"epoch {epoch} of {maps.epochs[-1]}", points)
        for epoch, points in zip(maps.epochs.tolist(), maps.points, strict=True)
    ]
    key = f"explore-epochs-{run.id}"
    data = ScatterData(
        points=maps.points[-1],
        groups=groups.of_points,
        group_names=groups.names,
        frames=frames,
        version=f"{run.id}-{len(frames)}-{dataset.catalog.revision}",
    )
    line.markdown(f"**{len(maps.image_ids):,} validation images** · {name}", width="content")
    chosen = session.selection()
    event: ScatterEvent | None = chosen.map_event.get(key)
    plot, panel = layout.split()
    with plot:
        new = scatter(data, key=key, height=layout.HEIGHT, clears=chosen.map_clears)
        hover.serve(key, data.points, maps.image_ids, dataset)
    if new is not None:
        chosen.map_event[key] = None if new.kind == "clear" else new
        st.rerun()
    with panel:
        if event is None:
            layout.hint("Play the epochs, or draw a lasso at any of them.")
            return
        places = np.array([event.index]) if event.index is not None else _inside(event, data)
        _selected(dataset, [rows[i] for i in maps.image_ids[places].tolist() if i in rows])


def _inside(event: ScatterEvent, data: ScatterData) -> NDArray[np.int64]:
    points = data.points if event.frame is None else data.frames[event.frame][1]
    return cloud.rows_inside(event, points, data.groups)


def _selected(dataset: Dataset, rows: list[ImageRow]) -> None:
    if not rows:
        st.info("No images in this selection.")
        return
    classes = count_classes(row.label or NO_LABEL for row in rows)
    named = " · ".join(f"{plain(label)} {count}" for label, count in classes[:8])
    st.markdown(f"**{len(rows):,} selected**  \n{named}")
    first_images(dataset, [row.id for row in rows], key="explore-epoch-images")
