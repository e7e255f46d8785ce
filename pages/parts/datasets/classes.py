"""Table of the classes: their numbers of images and their retrieval quality."""

import pandas as pd
import streamlit as st

from core.artifacts.manifests import Manifest
from core.commands.evaluation import EVALUATE
from core.datasets.columns import NO_LABEL, ImageFilter, Split
from core.datasets.registry import Dataset
from core.evaluation.files import system_name
from core.lineage.graph import Lineage
from pages.parts.components.launch import launch
from pages.parts.components.text import plain, stale_badge
from state import evaluations, facts, session
from state.view import SECTIONS, View

HEALTH = {"recall_at_1": "recall@1", "map_at_10": "mAP@10", "most_confused": "most confused with"}


def show(dataset: Dataset, view: View, lineage: Lineage) -> None:
    """Draw the table, and a button that shows the images of the selected rows."""
    table = _counts(dataset)
    evaluation = lineage.evaluation_of(dataset.name)
    if evaluation is not None:
        measured = evaluations.opened(evaluation).classes
        chosen = measured[["label", *HEALTH]].rename(columns={"label": "class", **HEALTH})
        table = table.merge(chosen, on="class", how="left")
    _about(evaluation, lineage)
    share = st.column_config.NumberColumn(format="percent")
    event = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key="datasets-classes",
        column_config={"recall@1": share, "mAP@10": share},
        height=min(38 + 35 * len(table), 720),
    )
    rows = event["selection"]["rows"]
    labels = [str(table["class"][row]) for row in rows if row < len(table)]
    st.button(
        f"Show the images of {len(labels)} classes" if len(labels) != 1 else "Show its images",
        key="datasets-classes-show",
        disabled=not labels,
        type="primary",
        on_click=_show_images,
        args=(view, labels),
        help=None if labels else "Select rows at the left of the table first.",
    )


def _counts(dataset: Dataset) -> pd.DataFrame:
    counts: dict[str, dict[str, int]] = {}
    for label, split, count in facts.class_counts(dataset.catalog):
        counts.setdefault(label or "", {})[split or "no split"] = count
    columns = [*Split, "no split"]
    rows = [
        {"class": label or "no class", "images": sum(of.values())}
        | {column: of.get(column, 0) for column in columns}
        for label, of in counts.items()
    ]
    table = pd.DataFrame(rows, columns=["class", "images", *columns])
    return table if table["no split"].any() else table.drop(columns="no split")


def _about(evaluation: Manifest | None, lineage: Lineage) -> None:
    """Draw the source of the figures, and a button that evaluates again."""
    index = lineage.index(session.selection().index)
    with st.container(horizontal=True, vertical_alignment="center"):
        if evaluation is None:
            st.caption(
                "How well each class is retrieved is known once an index was evaluated."
                if index
                else "How well each class is retrieved is known once a model is trained, its index "
                "built, and that evaluated."
            )
        else:
            st.caption(
                f"recall@1 and mAP@10 of the {evaluation.config['queries']} images, by "
                f"{plain(system_name(evaluation))}{stale_badge(lineage.stale_reason(evaluation))}"
            )
        fresh = evaluation is not None and (
            index is None
            or (
                evaluation.made_from.get("embeddings") == index.made_from["embeddings"]
                and not lineage.stale_reason(evaluation)
            )
        )
        if (
            index is not None
            and not fresh
            and st.button("Evaluate", key="datasets-evaluate", icon=":material/monitoring:")
        ):
            launch(EVALUATE, ["--index", index.id], dataset=index.made_from["dataset"])


def _show_images(view: View, labels: list[str]) -> None:
    wanted = tuple(NO_LABEL if label == "no class" else label for label in labels)
    images = ImageFilter(labels=wanted)
    session.set_view(view.narrowed(images).opened(SECTIONS[0]))
