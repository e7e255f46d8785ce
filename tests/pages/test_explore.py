"""The Explore page: a map, its colors, selections and actions on them."""

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest

from core.artifacts.folders import draft, list_artifacts, publish
from core.artifacts.manifests import Manifest
from core.datasets import curation
from core.datasets.columns import ImageFilter, ImageStatus
from core.datasets.database import connect
from core.datasets.importing.scan import rescan
from core.datasets.registry import Dataset, open_dataset
from core.embeddings.embed import embed_dataset
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.indexes.update import update_index
from core.lineage.graph import read_lineage
from core.maps.config import MapConfig, MapMethod
from core.maps.epochs import build_epoch_maps
from core.maps.files import Map, build_map, open_map
from core.progress import finish
from core.training.config import TrainConfig
from core.training.history import begin_history, write_epoch
from core.training.runs import folder_of, list_runs
from core.training.train import train
from core.workspace import Workspace
from pages.parts.components.scatter_data import ScatterEvent
from pages.parts.explore.selection import csv_of
from state import resources
from state.open_maps import open_current_map
from tests.factories.images import png, solid
from tests.support.page_fixtures import Open, said_in_passing, texts

EVERYWHERE = ScatterEvent("box", (-1e6, 1e6), (-1e6, 1e6))
NOWHERE = ScatterEvent("box", (1e6, 2e6), (1e6, 2e6))


def index_of(workspace: Workspace) -> Manifest:
    [index], _ = list_artifacts(workspace.indexes)
    return index


def draw(workspace: Workspace, **settings: Any) -> Map:
    config = MapConfig(index=index_of(workspace).id, method="pca", **settings)  # type: ignore[arg-type]
    return open_map(workspace, finish(build_map(workspace, config)).id)


def after(app: AppTest, found: Map, event: ScatterEvent) -> AppTest:
    """The page after an event on the map."""
    app.session_state["selection"].map_event[found.manifest.id] = ("", event)
    return app.run()


def colors(workspace: Workspace) -> Dataset:
    return open_dataset(workspace, "colors")


def num_excluded(workspace: Workspace) -> int:
    return colors(workspace).catalog.count(ImageFilter(status=ImageStatus.EXCLUDED))


def labels_of_buttons(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("umap", ["Neighbors", "min_dist", "Supervision", "Seed"]),
        ("tsne", ["Perplexity", "Seed"]),
        ("pca", ["Seed"]),
    ],
)
def test_each_method_has_its_fields_and_starts_a_job(
    full: Workspace, visit: Open, method: str, fields: list[str]
) -> None:
    app = visit("explore")
    app.segmented_control(key="explore-method").set_value(method).run()
    app.segmented_control(key="explore-dimensions").set_value(3).run()
    assert [field.label for field in app.number_input] == fields
    app.button(key="explore-draw").click().run()
    [view] = resources.jobs().views()
    resources.jobs().stop(view.record.id)
    resources.jobs().wait(view.record.id, 90)
    chosen = ("map", "--index", index_of(full).id)
    of_method = () if method == "umap" else ("--method", method)
    assert view.record.arguments == (*chosen, *of_method, "--dimensions", "3")


def test_a_map_shows_its_method_and_quality(full: Workspace, visit: Open) -> None:
    found = draw(full)
    app = visit("explore")
    said = texts(app)
    assert "**PCA in 2D** · " in said
    assert f"trustworthiness **{found.trustworthiness:.3f}**" in said
    assert f"**{found.preserved.mean():.0%}** of 15-NN preserved" in said
    assert "of variance" in said
    assert "draw a lasso around points" in said
    assert not app.error


def test_of_several_maps_one_is_chosen(full: Workspace, visit: Open) -> None:
    draw(full)
    solid_map = draw(full, dimensions=3, seed=4)
    app = visit("explore")
    assert app.selectbox(key="explore-map").options == ["PCA in 3D · seed 4", "PCA in 2D · seed 0"]
    assert "**PCA in 3D** · " in texts(app)
    assert "Drag to rotate" in texts(app)
    assert not [toggle for toggle in app.toggle if toggle.key == "explore-contours"]
    app.selectbox(key="explore-map").select_index(1).run()
    assert "**PCA in 2D** · " in texts(app)
    assert solid_map.points.shape == (30, 3)


def test_a_clicked_point_is_shown_with_its_neighbors(full: Workspace, visit: Open) -> None:
    found = draw(full)
    app = after(visit("explore"), found, ScatterEvent("click", index=4))
    row = colors(full).catalog.rows_by_id([int(found.image_ids[4])])[int(found.image_ids[4])]
    assert f"**{row.label}**" in texts(app)
    assert "10 nearest neighbors" in texts(app)
    assert "kNN vote" in texts(app)
    assert not app.exception


@pytest.mark.slow
def test_a_selection_says_what_is_in_it_and_how_precise(full: Workspace, visit: Open) -> None:
    found = draw(full)
    app = after(visit("explore"), found, EVERYWHERE)
    said = texts(app)
    assert "**30 selected**" in said
    assert all(f"{name} 10" in said for name in ("red", "green", "blue"))
    labels = np.array([row.label for row in colors(full).catalog.rows()])
    near = labels[found.neighbors.rows[:, :10]]
    assert f"Precision@10 **{(near == labels[:, None]).mean():.1%}**" in said


def test_without_a_selection_the_largest_clusters_are_shown(full: Workspace, visit: Open) -> None:
    found = draw(full)
    app = visit("explore")
    [gallery] = [
        json.loads(element.proto.json)
        for element in app.get("bidi_component")
        if "explore-clusters" in element.proto.id
    ]
    sizes = np.bincount(found.clusters[found.clusters >= 0]).tolist()
    assert [tile["caption"] for tile in gallery["tiles"]] == [f"{size} images" for size in sizes]
    app = after(app, found, EVERYWHERE)
    assert not [e for e in app.get("bidi_component") if "explore-clusters" in e.proto.id]


def test_an_empty_selection_is_reported(full: Workspace, visit: Open) -> None:
    app = after(visit("explore"), draw(full), NOWHERE)
    assert "No images in this selection." in texts(app)


@pytest.mark.slow
def test_selected_images_are_excluded_and_included(full: Workspace, visit: Open) -> None:
    found = draw(full)
    app = after(visit("explore"), found, EVERYWHERE)
    app.button(key="explore-do-exclude").click().run()
    assert said_in_passing(app) == "30 images changed"
    assert num_excluded(full) == 30
    assert "Include" in labels_of_buttons(app)
    app.button(key="explore-undo").click().run()
    assert said_in_passing(app).startswith("Undone: excluded 30 images")
    assert num_excluded(full) == 0
    assert not app.exception


@pytest.mark.slow
def test_a_selection_is_tagged_and_then_colored_by_it(full: Workspace, visit: Open) -> None:
    found = draw(full)
    curation.add_tag(colors(full).catalog, found.image_ids[:1].tolist(), "odd")
    app = after(visit("explore"), found, EVERYWHERE)
    app.selectbox(key="explore-tag-text").select("odd").run()
    app.button(key="explore-tag-0").click().run()
    tags = curation.tags_of(colors(full).catalog, found.image_ids.tolist())
    assert list(tags.values()) == [["odd"]] * 30
    app.selectbox(key="explore-color").select("tag").run()
    assert not app.exception


@pytest.mark.slow
def test_training_without_a_selection_excludes_it_and_opens_the_page(
    full: Workspace, visit: Open
) -> None:
    app = after(visit("explore"), draw(full), EVERYWHERE)
    app.button(key="explore-without").click().run()
    assert num_excluded(full) == 30
    assert app.title[0].value == "Training"


@pytest.mark.slow
def test_a_selection_becomes_a_query(full: Workspace, visit: Open) -> None:
    found = draw(full)
    app = after(visit("explore"), found, EVERYWHERE)
    app.button(key="explore-ask").click().run()
    assert app.title[0].value == "Query"
    images = app.session_state["selection"].query.images
    assert len(images) == 16  # As many as may be asked by
    assert {image.image_id for image in images} <= set(found.image_ids.tolist())


@pytest.mark.slow
def test_two_selections_are_compared(full: Workspace, visit: Open) -> None:
    found = draw(full)
    app = after(visit("explore"), found, EVERYWHERE)
    app.button(key="explore-compare").click().run()
    left = ScatterEvent("box", (-1e6, float(np.median(found.points[:, 0]))), (-1e6, 1e6))
    app = after(app, found, left)
    said = texts(app)
    assert "**A · 30 selected**" in said
    assert "**B · 15 selected**" in said
    assert "10-NN: **100.0%** in A" in said
    assert "15 images in both" in said
    app.button(key="explore-alone").click().run()
    assert "**15 selected**" in texts(app)


@pytest.mark.slow
def test_every_color_is_drawn(full: Workspace, visit: Open) -> None:
    draw(full)
    app = visit("explore")
    chooser = app.selectbox(key="explore-color")
    assert "Color by query similarity" not in chooser.options
    for option in chooser.options:
        app.selectbox(key="explore-color").select(option.removeprefix("Color by ")).run()
        assert not app.exception
    app.toggle(key="explore-contours").set_value(True).run()
    app.toggle(key="explore-pins").set_value(True).run()
    assert not app.exception


@pytest.mark.slow
def test_the_current_query_lies_on_the_map(full: Workspace, visit: Open) -> None:
    found = draw(full)
    app = visit("query")
    app.query_params["image"] = str(found.image_ids[3])
    app.run()
    app.switch_page("pages/explore.py").run()
    assert app.toggle(key="explore-query").value
    app.selectbox(key="explore-color").select("query similarity").run()
    assert not app.exception
    assert not app.error


def test_images_added_later_are_placed(full: Workspace, visit: Open) -> None:
    found = draw(full)
    before = len(found.points)
    (full.home / "images" / "red" / "late.png").write_bytes(png(solid("red")))
    finish(rescan(full, "colors"))
    finish(update_index(full, index_of(full).id))
    lineage = read_lineage(full)
    assert [made.id for made in lineage.maps_of(lineage.indexes[0])] == [found.manifest.id]
    app = visit("explore")
    assert f"**{before + 1}** images" in texts(app)
    assert "1 images added later are placed by their neighbors." in texts(app)
    assert not app.error


def test_a_map_of_an_earlier_version_is_reported(full: Workspace, visit: Open) -> None:
    index = index_of(full)
    with draft(full.maps) as folder:
        np.save(folder / "points.npy", np.zeros((30, 2), np.float32))
        made_from = index.made_from | {
            "index": index.id,
            "index_fingerprint": index.fingerprint,
        }
        config = {"index": index.id}
        publish(folder, kind="map", stem="old", config=config, made_from=made_from, summary={})
    app = visit("explore")
    assert "lacks some files" in app.error[0].value
    assert app.button(key="explore-draw")


@pytest.mark.slow
def test_removed_images_of_a_map_are_reported(full: Workspace, visit: Open) -> None:
    found = draw(full)
    app = visit("explore")
    colors(full).catalog.forget(found.image_ids.tolist())
    app = after(app, found, EVERYWHERE)
    assert "The selected images are no longer in the dataset." in texts(app)
    app = after(app, found, ScatterEvent("click", index=2))
    assert "no longer in the dataset" in texts(app)


@pytest.mark.slow
def test_without_labels_there_are_no_colors_by_class(full: Workspace, visit: Open) -> None:
    catalog = colors(full).catalog
    found = draw(full)
    with connect(catalog.path) as connection:
        connection.execute("UPDATE images SET folder_label = NULL, label = NULL, split = NULL")
    app = after(visit("explore"), found, EVERYWHERE)
    assert "Color by class" not in app.selectbox(key="explore-color").options
    assert "Precision needs labeled images." in texts(app)


def test_a_damaged_map_is_named(full: Workspace, visit: Open) -> None:
    found = draw(full)
    (full.maps / found.manifest.id / "preserved.npy").write_bytes(b"nothing")
    app = visit("explore")
    assert "preserved" in app.error[0].value
    assert "is damaged" in app.error[0].value


def test_the_csv_of_a_selection_has_a_row_an_image(full: Workspace) -> None:
    found, dataset = draw(full), colors(full)
    opened = open_current_map(found.manifest, index_of(full), dataset)
    places = np.array([2, 5, 7])
    ids = found.image_ids[places].tolist()
    rows = dataset.catalog.rows_by_id(ids)
    table = pd.read_csv(io.BytesIO(csv_of(opened, [rows[i] for i in ids])))
    assert table["image_id"].tolist() == ids
    assert table["label"].tolist() == [rows[i].label for i in ids]
    assert table["neighborhood_preservation"].tolist() == pytest.approx(
        found.preserved[places], abs=1e-4
    )
    assert list(table.columns[4:]) == ["knn_vote", "neighborhood_preservation"]


@pytest.mark.slow
def test_a_training_history_is_laid_out_and_selected_on(full: Workspace, visit: Open) -> None:
    draw(full)
    [model], _ = list_artifacts(full.models)
    [run] = list_runs(full)
    assert run.model == model.id
    assert "explore-view" not in [control.key for control in visit("explore").segmented_control]
    rows = colors(full).catalog.rows()
    ids = np.array([row.id for row in rows])
    folder = folder_of(full, run.id)
    labels = np.zeros(len(ids), np.int64)
    begin_history(folder, ids, labels, ["a"])
    random = np.random.default_rng(0)
    for epoch in (1, 2):
        embeddings = random.normal(size=(len(ids), 8)).astype(np.float32)
        write_epoch(folder, epoch, embeddings, labels, labels)
    app = visit("explore")
    app.segmented_control(key="explore-view").set_value("Training history").run()
    assert "after each epoch" in texts(app)
    app.button(key="explore-draw-epochs").click().run()
    [view] = resources.jobs().views()
    resources.jobs().stop(view.record.id)
    resources.jobs().wait(view.record.id, 90)
    assert view.record.arguments == ("map-epochs", "--run", run.id)

    found = finish(build_epoch_maps(full, run.id))
    app.run()
    assert "**30 validation images**" in texts(app)
    first = ScatterEvent("box", *bounds_of(found.points[0][:1]), frame=0)
    app.session_state["selection"].map_event[f"explore-epochs-{run.id}"] = first
    app.run()
    assert "**1 selected**" in texts(app)


def bounds_of(
    points: NDArray[np.float32],
) -> tuple[tuple[float, float], tuple[float, float]]:
    [[x, y]] = points.tolist()
    return (x - 1e-4, x + 1e-4), (y - 1e-4, y + 1e-4)


@pytest.mark.slow
def test_maps_of_two_models_have_linked_selections(full: Workspace, visit: Open) -> None:
    first = draw(full)
    config = TrainConfig(
        dataset="colors", backbone="resnet18", weights="none", trainable_blocks=4,
        image_size=32, epochs=0,
    )  # fmt: skip
    model = finish(train(full, config))
    embeddings = finish(embed_dataset(full, "colors", model.id))
    other = finish(build_index(full, embeddings.id, IndexConfig()))
    finish(build_map(full, MapConfig(index=other.id, method=MapMethod.PCA)))
    app = visit("explore")
    app.session_state["selection"].index = first.config.index
    app.session_state["selection"].model = first.manifest.made_from["model"]
    app.run()
    app.segmented_control(key="explore-view").set_value("Side by side").run()
    assert app.selectbox(key="explore-beside").options == [f"{model.id}: PCA in 2D · seed 0"]
    key = f"explore-left-{first.manifest.id}"
    ids = first.image_ids[:12].tolist()
    app.session_state["selection"].map_linked = (key, ids)
    app.run()
    said = texts(app)
    assert "**12 selected**" in said
    assert "Precision@10: left **" in said
    assert ", right **" in said
    assert not app.error
