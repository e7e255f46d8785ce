"""Table of the classes: their numbers of images and their retrieval quality."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.artifacts.manifests import Manifest
from core.commands.evaluation import EVALUATE
from core.datasets.columns import NO_LABEL, ImageFilter, Split
from core.datasets.registry import Dataset
from core.evaluation.files import system_name
from core.lineage.graph import Lineage
from pages.parts.components.launch import launch
from pages.parts.components.text import plain, stale_badge
from state import evaluations, facts, resources, session
from state.view import SECTIONS, View

HEALTH = {"recall_at_1": "recall@1", "map_at_10": "mAP@10", "most_confused": "most confused with"}

MAX_EXAMPLES = 300
"""With more classes the table has no images."""

ROW_HEIGHT, MAX_HEIGHT = 48, 720
"""In pixels."""


def show(dataset: Dataset, view: View, lineage: Lineage, bar: DeltaGenerator) -> None:
    """Draw the table; a button in the bar above shows the images of the selected rows."""
    table = _counts(dataset)
    evaluation = lineage.evaluation_of(dataset.name)
    if evaluation is not None:
        measured = evaluations.opened(evaluation).classes
        chosen = measured[["label", *HEALTH]].rename(columns={"label": "class", **HEALTH})
        table = table.merge(chosen, on="class", how="left")
    if len(table) <= MAX_EXAMPLES:
        examples = _examples(dataset)
        table.insert(0, "example", [examples.get(label) for label in table["class"]])
    share = st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1)
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key="datasets-classes",
        column_config={
            "example": st.column_config.ImageColumn(width=ROW_HEIGHT),
            "recall@1": share,
            "mAP@10": share,
        },
        row_height=ROW_HEIGHT,
        height=min(ROW_HEIGHT * (len(table) + 1), MAX_HEIGHT),
    )
    rows = event["selection"]["rows"]
    labels = [str(table["class"][row]) for row in rows if row < len(table)]
    with bar:
        st.button(
            f"Show {len(labels)} classes" if len(labels) > 1 else "Show images",
            key="datasets-classes-show",
            disabled=not labels,
            type="primary",
            on_click=_show_images,
            args=(view, labels),
            help=None if labels else "Select classes in the table first.",
        )
        st.space("stretch")
        _about(evaluation, lineage)


def _examples(dataset: Dataset) -> dict[str, str]:
    """Return class → an image of it as a data URI."""
    first = facts.first_of_class(dataset.catalog)
    rows = dataset.catalog.rows_by_id(first.values())
    resources.make_thumbnails(dataset, list(rows.values()))
    return {
        label: resources.tile_source(dataset, rows[image_id])[0]
        for label, image_id in first.items()
        if image_id in rows
    }


def _counts(dataset: Dataset) -> pd.DataFrame:
    counts: dict[str, dict[str, int]] = {}
    for label, split, count in facts.class_counts(dataset.catalog):
        counts.setdefault(label or "", {})[split or "no split"] = count
    columns = [*Split, "no split"]
    rows = [
        {"class": label or "unlabeled", "images": sum(of.values())}
        | {column: of.get(column, 0) for column in columns}
        for label, of in counts.items()
    ]
    table = pd.DataFrame(rows, columns=["class", "images", *columns])
    return table if table["no split"].any() else table.drop(columns="no split")


def _about(evaluation: Manifest | None, lineage: Lineage) -> None:
    """Draw the source of the figures, and a button that evaluates again."""
    index = lineage.index(session.selection().index)
    if evaluation is not None:
        st.markdown(
            f":small[Retrieval of the {evaluation.config['queries']} images by "
            f"{plain(system_name(evaluation))}{stale_badge(lineage.stale_reason(evaluation))}]",
            width="content",
        )
    is_fresh = evaluation is not None and (
        index is None
        or (
            evaluation.made_from.get("embeddings") == index.made_from["embeddings"]
            and not lineage.stale_reason(evaluation)
        )
    )
    if (
        index is not None
        and not is_fresh
        and st.button(
            "Evaluate",
            key="datasets-evaluate",
            icon=":material/monitoring:",
            help="Measures the retrieval quality of each class.",
        )
    ):
        launch(EVALUATE, ["--index", index.id], dataset=index.made_from["dataset"])


def _show_images(view: View, labels: list[str]) -> None:
    wanted = tuple(NO_LABEL if label == "no class" else label for label in labels)
    images = ImageFilter(labels=wanted)
    session.set_view(view.narrowed(images).opened(SECTIONS[0]))
