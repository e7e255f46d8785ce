"""Training: launch a fine-tuning, watch it learn, keep its model."""

import pandas as pd
import streamlit as st

from core.artifacts import Manifest, delete_artifact
from core.datasets.registry import open_dataset
from core.lineage import Lineage, read_lineage
from pages.parts import charts, guards, job_panel, tables, training_form, ways
from pages.parts.text import plain
from state import resources, session
from state.job_views import JobView

FIGURES = {
    "validation_map_at_10": "mAP@10",
    "validation_recall_at_1": "recall@1",
    "validation_accuracy": "accuracy",
    "validation_loss": "loss",
}


def follow(view: JobView) -> None:
    """Draw the curves of a training, anew each second or so while it runs."""

    @st.fragment(run_every=2.0 if view.active else None)
    def draw() -> None:
        current = resources.jobs().view(view.record.id)
        if current is None:
            return
        epochs = [m["values"] for m in current.measurements if m["curve"] == "epoch"]
        steps = [m["values"] for m in current.measurements if m["curve"] == "step"]
        if epochs:
            figures(epochs[-1])
        if epochs or steps:
            charts.curves(epochs, steps, key="training")
        elif current.active:
            st.caption("The curves appear with the first steps.")

    draw()


def figures(last: dict[str, float]) -> None:
    """Show the newest epoch's figures in large type."""
    grid = st.grid(len(FIGURES) + 1, min_column_width=150)
    for name, shown in FIGURES.items():
        if name in last:
            grid.metric(f"Validation {shown}", f"{last[name]:.3f}")
    grid.metric("Speed", f"{last['images_per_second']:.0f} images/s")


def model_table(models: list[Manifest], lineage: Lineage) -> None:
    """List the models, and offer to use or delete the selected one."""
    table = pd.DataFrame(
        {
            "model": [model.id for model in models],
            "stale": [lineage.stale_reason(model) for model in models],
            "dataset": [model.made_from["dataset"] for model in models],
            **{
                shown: [model.summary.get(name) for model in models]
                for name, shown in FIGURES.items()
            },
            "best epoch": [model.summary["best_epoch"] for model in models],
            "images": [model.summary["num_train"] for model in models],
            "made": [model.created for model in models],
        }
    )
    figure = st.column_config.NumberColumn(format="%.3f")
    row = tables.pick(table, key="training-models", columns=dict.fromkeys(FIGURES.values(), figure))
    if row is None:
        st.caption("Select a row to work with that model, or to delete it.")
    else:
        actions(models[row], lineage)


def actions(model: Manifest, lineage: Lineage) -> None:
    """Offer what can be done with one model."""
    dependants = [index.id for index in lineage.indexes if index.made_from["model"] == model.id]
    with st.container(horizontal=True):
        if st.button("Use this one", key="training-use", icon=":material/check:"):
            session.selection().model = model.id
            st.rerun()
        with st.popover("Delete", icon=":material/delete:"):
            if dependants:
                names = plain(", ".join(dependants))
                st.markdown(f"These indexes need it and cannot be searched without it: {names}")
            if st.button(f"Delete {model.id}", key="training-delete", type="primary"):
                delete_artifact(resources.workspace().models, model.id)
                st.rerun()


chosen = session.enter_page()
st.title("Training")
workspace = resources.workspace()
lineage = read_lineage(workspace)
if chosen.dataset is None:
    guards.stop_without("Datasets", "Training needs a dataset with labelled images.")
dataset = open_dataset(workspace, chosen.dataset)
labels = dataset.catalog.labels()

running = job_panel.is_active("train")
if len(labels) < 2:
    st.info(
        f"“{plain(dataset.name)}” has {'one class' if labels else 'no labels'}: training needs at "
        "least two classes to tell apart. Choose or bring in another dataset."
    )
    if st.button("Go to Datasets", key="training-go-datasets"):
        ways.go("Datasets")
elif running:
    with st.expander("Queue another training"):
        training_form.show(dataset.name, is_drawn=dataset.source == "drawn")
else:
    st.markdown(f"Train on **{plain(dataset.name)}**: {len(labels)} classes.")
    training_form.show(dataset.name, is_drawn=dataset.source == "drawn")

job = job_panel.show("train")
if job is not None:
    follow(job)
if lineage.models:
    st.subheader("Models")
    model_table(lineage.models, lineage)
    trained = lineage.model(chosen.model)
    if trained and not running and not lineage.indexes_of(chosen.dataset, trained.id):
        guards.next_step("Indexes", "Next: build an index")
