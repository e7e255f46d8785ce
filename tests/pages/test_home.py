"""Home: ways to begin in an empty workspace; images, figures and what is stale in a filled one."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.datasets.curation import relabel
from core.datasets.registry import open_dataset
from core.evaluation.baselines import evaluate_baseline
from core.evaluation.config import Baseline, BaselineConfig, EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.lineage.graph import read_lineage
from core.progress import finish
from core.workspace import Workspace
from pages.parts.components import sparkline
from state import home, tour
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, png, solid
from tests.support.page_fixtures import Open, last_job, picked, stop_jobs, texts


def index_of(workspace: Workspace) -> Manifest:
    return read_lineage(workspace).indexes[0]


def keys(app: AppTest) -> set[str | None]:
    return {button.key for button in app.button}


@pytest.mark.slow
def test_a_typed_folder_is_one_click_from_a_quick_start(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "My images", red=3, blue=4)
    (root / "notes.txt").write_text("no image")
    app = visit("")
    assert app.title[0].value == "Home"
    assert app.button(key="home-import").disabled
    app.text_input(key="home-folder").set_value(str(root)).run()
    assert "**7 images** · 2 classes" in texts(app)
    app.button(key="home-import").click().run()
    assert last_job() == ("quickstart", str(root), "--name", "my-images")
    assert "Making my-images" in app.get("progress")[0].proto.text.replace("\\", "")
    assert not app.text_input  # Nothing can be started twice
    stop_jobs()


def test_a_folder_that_does_not_exist_says_so_while_it_is_typed(
    empty: Workspace, visit: Open
) -> None:
    app = visit("")
    app.text_input(key="home-folder").set_value("/nowhere/at/all").run()
    assert "There is no folder" in texts(app)
    assert app.button(key="home-import").disabled


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sample", "caltech101"])
def test_a_card_is_one_click_from_a_quick_start(empty: Workspace, visit: Open, name: str) -> None:
    visit("").button(key=f"home-{name}").click().run()
    assert last_job() == ("quickstart", "--source", name, "--name", name)
    stop_jobs()


@pytest.mark.slow
def test_an_uploaded_folder_is_one_click_from_a_quick_start(empty: Workspace, visit: Open) -> None:
    app = visit("")
    app.segmented_control(key="home-way").set_value("Upload").run()
    files = [(f"Pets/{name}/1.png", png(solid("red")), "image/png") for name in ("cat", "dog")]
    app.file_uploader(key="home-upload-0").set_value(files).run()
    assert "**2 images** · 2 classes" in texts(app)
    app.button(key="home-import").click().run()
    verb, path, *rest = last_job()
    assert (verb, rest) == ("quickstart", ["--remove", "--name", "pets"])
    assert Path(path).parent == empty.downloads / "uploads"
    stop_jobs()


def test_the_tour_is_dismissed_for_good(empty: Workspace, visit: Open) -> None:
    app = visit("")
    assert "5 · Evaluate" in texts(app)
    app.button(key="home-tour-dismiss").click().run()
    assert "5 · Evaluate" not in texts(app)
    assert "5 · Evaluate" not in texts(visit(""))
    assert tour.is_dismissed(empty)


def test_a_filled_workspace_has_no_tour(full: Workspace, visit: Open) -> None:
    assert "home-tour-dismiss" not in keys(visit(""))


@pytest.mark.slow
def test_a_dataset_without_an_index_offers_to_make_it_searchable(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    bring_in(empty, class_folders(tmp_path / "in", red=4, blue=4))
    app = visit("")
    assert "colors is not searchable yet." in texts(app)
    assert {"quickstart-home", "home-train"} <= keys(app)
    app.button(key="quickstart-home").click().run()
    assert last_job() == ("quickstart", "--name", "colors")
    assert "quickstart-home" not in keys(app)
    stop_jobs()


@pytest.mark.slow
def test_an_image_that_is_dropped_is_searched_by(full: Workspace, visit: Open) -> None:
    app = visit("")
    app.file_uploader(key="home-search-0").upload("red.png", png(solid("red"))).run()
    assert app.title[0].value == "Query"
    [image] = app.session_state["selection"].query.images
    assert image.digest


def test_a_file_that_is_no_image_says_so(full: Workspace, visit: Open) -> None:
    app = visit("")
    app.file_uploader(key="home-search-0").upload("red.png", b"no image").run()
    assert app.title[0].value == "Home"
    assert "red.png" in app.error[0].value.replace("\\", "")


@pytest.mark.slow
def test_a_random_image_is_searched_by(full: Workspace, visit: Open) -> None:
    app = visit("")
    app.button(key="home-random").click().run()
    assert app.title[0].value == "Query"
    assert app.session_state["selection"].query.images[0].image_id


@pytest.mark.slow
def test_the_figures_are_those_of_the_best_evaluation(full: Workspace, visit: Open) -> None:
    app = visit("")
    assert "home-evaluate" in keys(app)
    made = finish(evaluate(full, EvaluateConfig(index=index_of(full).id)))
    figures = {metric.label: metric.value for metric in visit("").metric}
    assert figures["mAP@10"] == f"{made.summary['map_at_10']:.3f}"
    assert figures["recall@1"] == f"{made.summary['recall_at_1']:.3f}"


@pytest.mark.slow
def test_the_baseline_stands_beside_the_best_model(full: Workspace, visit: Open) -> None:
    best = finish(evaluate(full, EvaluateConfig(index=index_of(full).id)))
    baseline = finish(
        evaluate_baseline(full, BaselineConfig(dataset="colors", baseline=Baseline.COLOR))
    )
    lineage = read_lineage(full)
    assert home.best_evaluation("colors", lineage) == best
    assert home.baseline_of("colors", lineage) == baseline
    deltas = {metric.label: metric.delta for metric in visit("").metric}
    name = "map_at_10"
    assert deltas["mAP@10"] == f"{best.summary[name] - baseline.summary[name]:+.3f}"


@pytest.mark.slow
def test_one_button_rebuilds_what_is_stale(full: Workspace, visit: Open) -> None:
    assert "home-rebuild" not in keys(visit(""))
    relabel(open_dataset(full, "colors").catalog, [1], "green")
    app = visit("")
    assert "Stale: model" in texts(app)
    app.button(key="home-rebuild").click().run()
    assert last_job() == ("rebuild", "--index", index_of(full).id)
    assert "home-rebuild" not in keys(app)
    stop_jobs()


def test_an_index_without_its_model_leads_to_indexes(full: Workspace, visit: Open) -> None:
    delete_artifact(full.models, index_of(full).made_from["model"])
    lineage = read_lineage(full)
    assert not home.can_rebuild(lineage.indexes[0], lineage)


@pytest.mark.slow
def test_the_disk_use_is_last(full: Workspace, visit: Open) -> None:
    app = visit("")
    assert [text.value for text in app.main.caption][-1].startswith("Workspace ")
    assert {"Datasets", "Models", "Indexes"} <= set(app.dataframe[-1].value["content"])
    assert picked(app)[0] == "colors"


def test_a_sparkline_rises_with_its_values() -> None:
    points = [
        tuple(map(float, point.split(",")))
        for point in sparkline.svg([0.1, 0.5, 0.9]).split('points="')[1].split('"')[0].split()
    ]
    assert [x for x, _ in points] == sorted({x for x, _ in points})
    assert [y for _, y in points] == sorted({y for _, y in points}, reverse=True)
    heights = {point.split(",")[1] for point in sparkline.svg([0.3, 0.3]).split('"')[5].split()}
    assert heights == {f"{sparkline.HEIGHT / 2:.1f}"}
