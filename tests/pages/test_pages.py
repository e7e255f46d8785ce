"""Every page through Home.py: what it says when empty, when full, and to bad input."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.artifacts.folders import delete_artifact
from core.artifacts.manifests import Manifest
from core.datasets.columns import ImageFilter, ImageStatus
from core.datasets.curation import add_tag, tags_of
from core.datasets.export.listing import list_exports
from core.datasets.importing.rejected import write_rejected
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import open_dataset, write_roots
from core.datasets.splits import SplitConfig
from core.datasets.tally import Rejected
from core.datasets.verification import check_images
from core.embeddings.embed import embed_dataset
from core.evaluation.config import EvaluateConfig
from core.evaluation.evaluate import evaluate
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.jobs.records import Status
from core.models.backbone_model_config import BackboneModelConfig
from core.models.backbone_models import fit_backbone_model
from core.progress import finish
from core.training.config import TrainConfig
from core.training.train import train
from core.workspace import PROJECT, Workspace
from state import resources
from state.session import Selection
from tests.factories.datasets import bring_in
from tests.factories.images import class_folders, png, solid, speckled
from tests.factories.networks import backbone_file
from tests.support.page_fixtures import Open, open_jobs, picked, said_in_passing, texts

PAGES = ("datasets", "training", "indexes", "query", "explore")


def index_of(workspace: Workspace) -> Manifest:
    from core.lineage.graph import read_lineage

    return read_lineage(workspace).indexes[0]


@pytest.mark.parametrize(
    ("name", "sentence", "button"),
    [
        ("training", "Training needs a dataset with labeled images.", "go-to-datasets"),
        ("indexes", "An index needs a dataset.", "go-to-datasets"),
        ("query", "A query needs a dataset.", "go-to-datasets"),
        ("explore", "A map needs a dataset.", "go-to-datasets"),
        ("evaluate", "An evaluation needs a dataset.", "go-to-datasets"),
    ],
)
def test_a_page_that_lacks_something_says_what_and_leads_there(
    empty: Workspace, visit: Open, name: str, sentence: str, button: str
) -> None:
    app = visit(name)
    assert sentence in texts(app)
    app.button(key=button).click().run()
    assert app.title[0].value == "Datasets"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("indexes", "An index needs a model"),
        ("query", "A query needs a model"),
        ("explore", "A map needs a model"),
    ],
)
def test_without_a_model_the_pages_lead_to_training(
    full: Workspace, visit: Open, name: str, sentence: str
) -> None:
    delete_artifact(full.models, "colors-mobilenet_v3_large-untrained")
    app = visit(name)
    assert sentence in texts(app)
    app.button(key="go-to-training").click().run()
    assert app.title[0].value == "Training"


@pytest.mark.parametrize("name", ["query", "explore"])
def test_without_an_index_the_pages_lead_to_indexes(
    full: Workspace, visit: Open, name: str
) -> None:
    delete_artifact(full.indexes, index_of(full).id)
    app = visit(name)
    assert "is not indexed yet" in texts(app)
    assert app.button(key="go-to-indexes").label == "Build an index"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["", *PAGES])
def test_every_page_of_a_full_home_tells_what_is_chosen(
    full: Workspace, visit: Open, name: str
) -> None:
    assert picked(visit(name)) == ["colors", "mobilenet_v3_large-untrained", "flat"]


@pytest.mark.slow
def test_the_sample_dataset_is_generated_and_stopped(empty: Workspace, visit: Open) -> None:
    app = visit("datasets")
    app.segmented_control(key="datasets-way").set_value("Sample dataset").run()
    app.button(key="datasets-sample-go").click().run()
    [view] = resources.jobs().views()
    assert view.record.arguments == ("generate", "--name", "sample")
    assert "Generating the sample" in app.get("progress")[0].proto.text
    resources.jobs().stop(view.record.id)
    assert resources.jobs().wait(view.record.id, 30).record.status == Status.STOPPED
    app.run()
    assert "stopped" in open_jobs(app)


@pytest.mark.slow
def test_a_folder_is_brought_in_and_becomes_the_chosen_dataset(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in" / "my-images", red=4, blue=4)
    app = visit("datasets")
    app.segmented_control(key="datasets-way").set_value("Folder").run()
    app.text_input(key="datasets-folder").set_value(str(root)).run()
    app.button(key="datasets-folder-go").click().run()
    [view] = resources.jobs().views()
    ended = resources.jobs().wait(view.record.id, 60)
    assert ended.record.status == Status.DONE, resources.jobs().log_of(view.record.id)
    app.run()
    assert picked(app) == ["my-images", None, None]
    assert "8 images · 2 classes" in texts(app)


@pytest.mark.parametrize(
    "folder",
    ["/nowhere/at/all", "relative-nowhere", "~nobody-here", "/x" + "l" * 5000],
)
def test_a_folder_that_does_not_exist_cannot_be_imported(
    empty: Workspace, visit: Open, folder: str
) -> None:
    app = visit("datasets")
    app.segmented_control(key="datasets-way").set_value("Folder").run()
    app.text_input(key="datasets-folder").set_value(folder).run()
    assert "There is no folder" in texts(app)
    assert app.button(key="datasets-folder-go").disabled
    assert app.button(key="datasets-folder-quick").disabled


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "dataset", "index"),
    [
        ({"dataset": "flat"}, "flat", "flat-by-"),
        ({"dataset": "flat", "index": "INDEX"}, "flat", "flat-by-"),
        ({"dataset": "colors"}, "colors", "colors-"),
    ],
)
def test_a_link_to_a_dataset_finds_the_index_that_another_ones_model_made(
    full: Workspace, tmp_path: Path, address: dict[str, str], dataset: str, index: str
) -> None:
    root = class_folders(tmp_path / "flat", red=4) / "red"
    finish(add_folder(full, "flat", Source(root=root), SplitConfig()))
    embeddings = finish(embed_dataset(full, "flat", index_of(full).made_from["model"]))
    made = finish(build_index(full, embeddings.id, IndexConfig()))
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = made.id if value == "INDEX" else value
    app.run()
    chosen = app.session_state["selection"]
    assert chosen.dataset == dataset
    assert chosen.index.startswith(index)
    assert chosen.model == index_of(full).made_from["model"]


def test_a_link_to_what_is_not_there_says_so_once(full: Workspace) -> None:
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
    app.query_params["dataset"] = "nope"
    app.run()
    assert said_in_passing(app) == "The dataset “nope” does not exist."
    assert not app.run().toast


def test_the_old_address_of_data_quality_leads_there_with_its_parameters(full: Workspace) -> None:
    index = index_of(full).id
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
    app.query_params |= {"dataset": "colors", "index": index}
    app.switch_page("pages/finders.py").run()
    assert not app.exception
    assert app.title[0].value == "Data quality"
    assert app.query_params["dataset"] == "colors"
    assert app.session_state["selection"].index == index


@pytest.mark.slow
def test_images_are_verified_from_the_menu(empty: Workspace, visit: Open, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=4)
    finish(add_folder(empty, "one", Source(root=root), SplitConfig()))
    app = visit("datasets")
    assert "4 not verified" in texts(app)
    app.menu_button(key="datasets-manage").click("Verify images").run()
    [view] = resources.jobs().views()
    assert view.record.arguments == ("verify", "--dataset", "one")
    resources.jobs().wait(view.record.id, 60)
    app.run()
    assert "not verified" not in texts(app)
    options = app.menu_button(key="datasets-manage").options
    assert not [option for option in options if "Verify" in option]


@pytest.mark.slow
def test_a_map_of_too_few_images_is_not_offered(
    empty: Workspace, made: Path, visit: Open, tmp_path: Path
) -> None:
    shutil.copytree(made, empty.home)
    root = class_folders(tmp_path / "few", red=3)
    finish(add_folder(empty, "few", Source(root=root), SplitConfig()))
    embeddings = finish(embed_dataset(empty, "few", index_of(empty).made_from["model"]))
    finish(build_index(empty, embeddings.id, IndexConfig()))
    app = visit("explore")
    assert "A map needs at least 5 images" in texts(app)


@pytest.mark.slow
def test_a_taken_name_is_refused_at_once(full: Workspace, visit: Open) -> None:
    app = visit("datasets")
    app.button(key="datasets-import").click().run()
    app.segmented_control(key="datasets-way").set_value("Folder").run()
    app.text_input(key="datasets-folder").set_value(str(full.home / "images")).run()
    name = app.text_input(key="datasets-folder-name")
    name.set_value("colors").run()
    app.button(key="datasets-folder-go").click().run()
    assert "There is a dataset “colors” already" in app.error[0].value.replace("\\", "")


def narrow(app: AppTest, **filters: list[str]) -> AppTest:
    """Filter the images, as a link does."""
    for name, values in filters.items():
        app.query_params[name] = values
    return app.run()


@pytest.mark.slow
def test_the_filters_narrow_the_gallery(full: Workspace, visit: Open) -> None:
    app = narrow(visit("datasets"), **{"class": ["red"], "split": ["test"]})
    assert "**1–2** of **2** images" in texts(app)
    narrow(app, **{"class": ["red", "blue"]})
    assert "**1–4** of **4** images" in texts(app)
    chips = [
        button.label for button in app.button if (button.key or "").startswith("datasets-chip")
    ]
    assert chips == [r"Class\: red", r"Class\: blue", r"Split\: test"]
    app.button(key="datasets-chip-0").click().run()
    assert "**1–2** of **2** images" in texts(app)
    app.button(key="datasets-clear").click().run()
    assert "**1–30** of **30** images" in texts(app)
    assert set(app.query_params) == {"dataset", "model", "index"}


@pytest.mark.slow
def test_a_link_opens_the_view_that_it_names(full: Workspace) -> None:
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
    app.query_params |= {
        "class": ["red"],
        "sort": ["name"],
        "per_page": ["24"],
        "show": ["nonsense"],
    }
    app.run()
    app.switch_page("pages/datasets.py").run()
    assert "**1–10** of **10** images" in texts(app)
    assert app.selectbox(key="datasets-order").value == "name"


@pytest.mark.slow
def test_a_filter_that_nothing_fits_says_so(full: Workspace, visit: Open) -> None:
    app = visit("datasets")
    app.text_input(key="datasets-text").set_value("nowhere").run()
    assert "No image matches these filters." in texts(app)
    app.button(key="datasets-reset").click().run()
    assert "**1–30** of **30** images" in texts(app)


def open_tool(app: AppTest, name: str) -> AppTest:
    """Choose a tool from the menu."""
    return app.menu_button(key="datasets-manage").click(name).run()


def pick(app: AppTest, ids: set[int]) -> AppTest:
    """Select images, as the gallery does."""
    chosen: Selection = app.session_state["selection"]
    chosen.selected_images = frozenset(ids)
    return app.run()


@pytest.mark.slow
def test_selected_images_are_tagged_and_that_is_taken_back(full: Workspace, visit: Open) -> None:
    catalog = open_dataset(full, "colors").catalog
    add_tag(catalog, [1], "odd")
    app = pick(visit("datasets"), {1, 2, 3})
    assert "**3** selected" in texts(app)
    app.selectbox(key="datasets-tag-text").select("odd").run()
    app.button(key="datasets-tag-0").click().run()
    assert said_in_passing(app) == "2 images changed"
    assert tags_of(catalog, [1, 2, 3, 4]) == {1: ["odd"], 2: ["odd"], 3: ["odd"]}
    narrow(app, tag=["odd"])
    assert "**1–3** of **3** images" in texts(app)
    app.button(key="datasets-undo").click().run()
    assert tags_of(catalog, [1, 2, 3]) == {1: ["odd"]}


@pytest.mark.slow
def test_excluding_deselects_what_is_hidden_and_makes_model_and_index_stale(
    full: Workspace, visit: Open
) -> None:
    app = pick(visit("datasets"), {1, 2})
    app.button(key="datasets-do-exclude").click().run()
    assert "28 images" in texts(app)
    assert "2 excluded" in texts(app)
    assert app.session_state["selection"].selected_images == frozenset()
    assert [str(name).endswith("(stale)") for name in picked(app)] == [False, True, True]
    app.button(key="datasets-undo").click().run()
    assert not any("(stale)" in str(name) for name in picked(app))


@pytest.mark.slow
def test_a_filter_deselects_images_that_it_hides(full: Workspace, visit: Open) -> None:
    app = visit("datasets")
    everything = open_dataset(full, "colors").catalog.rows()
    pick(app, {row.id for row in everything})
    narrow(app, **{"class": ["red"]})
    reds = {row.id for row in everything if row.label == "red"}
    assert app.session_state["selection"].selected_images == reds


@pytest.mark.slow
def test_selected_images_are_labeled_and_the_model_becomes_stale(
    full: Workspace, visit: Open
) -> None:
    app = pick(visit("datasets"), {1})
    app.selectbox(key="datasets-label-text").select("green").run()
    app.button(key="datasets-label-0").click().run()
    assert open_dataset(full, "colors").catalog.rows_by_id([1])[1].label == "green"
    assert [str(name).endswith("(stale)") for name in picked(app)] == [False, True, False]


@pytest.mark.slow
def test_all_that_match_can_be_selected(full: Workspace, visit: Open) -> None:
    app = visit("datasets")
    app.selectbox(key="datasets-page_size").select(24).run()
    app.menu_button(key="datasets-select").click("Page").run()
    assert "**24** selected" in texts(app)
    app.menu_button(key="datasets-select").click("All").run()
    assert "**30** selected" in texts(app)
    app.button(key="datasets-pick-none").click().run()
    assert "selected" not in texts(app)


@pytest.mark.slow
def test_classes_are_listed_and_their_images_shown(full: Workspace, visit: Open) -> None:
    finish(evaluate(full, EvaluateConfig(index=index_of(full).id)))
    app = visit("datasets")
    app.segmented_control(key="datasets-section").set_value("Classes").run()
    table = app.dataframe[0].value
    assert list(table["class"]) == ["blue", "green", "red"]
    assert list(table["images"]) == [10, 10, 10]
    assert table["recall@1"].between(0, 1).all()
    assert {"mAP@10", "most confused with"} <= set(table.columns)


@pytest.mark.slow
def test_an_open_image_tells_what_is_known_of_it_and_leads_to_the_query(
    full: Workspace, visit: Open
) -> None:
    app = visit("datasets")
    app.session_state["selection"].open_image = (1, 0)
    app.run()
    assert "1 of 30" in texts(app)
    assert open_dataset(full, "colors").catalog.rows_by_id([1])[1].sha256 in [
        code.value for code in app.code
    ]
    app.button(key="details-right").click().run()
    assert "2 of 30" in texts(app)
    app.button(key="details-query").click().run()
    assert app.title[0].value == "Query"


@pytest.mark.slow
def test_the_open_image_of_another_dataset_is_said_to_be_gone(full: Workspace, visit: Open) -> None:
    app = visit("datasets")
    app.session_state["selection"].open_image = (999, 0)
    app.run()
    assert "no longer in the dataset" in texts(app)


@pytest.mark.slow
def test_duplicates_are_resolved_at_once_and_taken_back(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in", red=4)
    (root / "blue").mkdir()
    for number in range(4):  # Other noise, or they would look like the red ones
        speckled("blue", seed=50 + number).save(root / "blue" / f"{number:03}.png")
    for label in ("red", "blue"):
        shutil.copy(root / label / "000.png", root / label / "copy.png")
    shutil.copy(root / "red" / "001.png", root / "blue" / "other.png")
    dataset = bring_in(empty, root)
    app = visit("datasets")
    app.segmented_control(key="datasets-section").set_value("Duplicates").run()
    assert "11 images are not verified" in texts(app)
    finish(check_images(dataset))
    app.run()
    assert "**3 groups** of exact copies" in texts(app)
    assert "1 with conflicting classes" in texts(app)
    exclude = app.button(key="datasets-duplicates-all-exact")
    assert exclude.label == "Exclude all 2 exact copies"
    exclude.click().run()
    assert "**1 group** of exact copies" in texts(app)
    assert dataset.catalog.count(ImageFilter(status=ImageStatus.EXCLUDED)) == 2
    app.button(key="datasets-undo").click().run()
    assert "**3 groups** of exact copies" in texts(app)


@pytest.mark.slow
def test_what_an_archive_was_brought_in_without_is_listed(full: Workspace, visit: Open) -> None:
    folder = open_dataset(full, "colors").folder
    write_rejected(folder, [Rejected("a/b.png", "It is damaged in the archive; pack it again.")])
    app = visit("datasets")
    app.segmented_control(key="datasets-section").set_value("Problems").run()
    assert "1 not imported" in texts(app)
    [group] = [each.label for each in app.expander if "1 file " in each.label]
    assert group.startswith("1 file · It is damaged in the archive; pack it again")
    assert list(app.dataframe[0].value["file"]) == ["a/b.png"]


@pytest.mark.slow
def test_a_rescan_says_which_folders_become_splits(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "in" / "train", red=3, blue=3).parent
    bring_in(empty, root)
    class_folders(root / "test", green=2)
    app = visit("datasets")
    app.session_state["datasets-tool"] = ("Rescan", 0)
    app.run()
    assert "2 new · 0 changed · 0 missing" in texts(app)
    assert "New folder test: 2 images → Test" in texts(app)


@pytest.mark.slow
def test_a_zip_is_imported_and_selected(empty: Workspace, visit: Open, tmp_path: Path) -> None:
    root = class_folders(tmp_path / "in", red=3, blue=3)
    archive = Path(shutil.make_archive(str(tmp_path / "My Pets"), "zip", root))
    app = visit("datasets")
    app.segmented_control(key="datasets-way").set_value("Archive").run()
    app.file_uploader(key="datasets-zip-0").upload("My Pets.zip", archive.read_bytes()).run()
    app.button(key="datasets-zip-go").click().run()
    view = resources.jobs().views()[0]
    ended = resources.jobs().wait(view.record.id, 60)
    assert ended.record.status == Status.DONE, resources.jobs().log_of(view.record.id)
    assert open_dataset(empty, "my-pets").catalog.labels() == ["blue", "red"]
    assert app.run().session_state["selection"].dataset == "my-pets"
    assert list((empty.downloads / "uploads").iterdir()) == []


@pytest.mark.slow
def test_the_view_is_exported_and_listed(full: Workspace, visit: Open) -> None:
    app = open_tool(narrow(visit("datasets"), **{"class": ["red"]}), "Export")
    app.button(key="datasets-export-go").click().run()
    assert not app.radio  # A job has started: the tool closes
    view = resources.jobs().views()[0]
    ended = resources.jobs().wait(view.record.id, 60)
    assert ended.record.status == Status.DONE, resources.jobs().log_of(view.record.id)
    open_tool(app, "Export")
    [export] = list_exports(full, "colors")
    assert export.num_images == 10
    assert export.id.replace("-", "\\-") in texts(app)


@pytest.mark.slow
def test_a_file_that_vanished_leaves_its_tile_and_says_so(full: Workspace, visit: Open) -> None:
    dataset = open_dataset(full, "colors")
    dataset.path_of(dataset.catalog.rows_by_id([1])[1]).unlink()
    app = visit("datasets")
    assert "**1–30** of **30** images" in texts(app)
    app.session_state["selection"].open_image = (1, 0)
    app.run()
    assert not app.exception
    assert "does not exist any more" in app.error[0].value.replace("\\", "")


@pytest.mark.slow
def test_a_deleted_dataset_takes_along_what_was_made_from_it(full: Workspace, visit: Open) -> None:
    app = open_tool(visit("datasets"), "Delete")
    said = texts(app).replace("\\", "")
    for artifact in (
        "index colors-mobilenet_v3_large-untrained-flat",
        "model colors-mobilenet_v3_large-untrained",
    ):
        assert f"- {artifact}" in said
    app.button(key="datasets-delete").click().run()
    assert app.title[0].value == "Datasets"
    assert app.segmented_control(key="datasets-way")  # The import form
    assert [list(folder.iterdir()) for folder in full.artifacts.values() if folder.is_dir()] == [
        [] for folder in full.artifacts.values() if folder.is_dir()
    ]


@pytest.mark.slow
def test_a_dataset_is_deleted_and_its_model_kept(full: Workspace, visit: Open) -> None:
    app = open_tool(visit("datasets"), "Delete")
    app.toggle(key="datasets-delete-keep").set_value(True).run()
    app.button(key="datasets-delete").click().run()
    assert app.segmented_control(key="datasets-way")  # The import form
    assert len(list(full.models.iterdir())) == 1


@pytest.mark.slow
def test_a_dataset_without_its_folder_says_so_and_is_relinked(
    full: Workspace, visit: Open, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(full.home / "images", moved)
    dataset = open_dataset(full, "colors")
    write_roots(dataset, [replace(dataset.roots[0], path=tmp_path / "nowhere")])
    app = visit("datasets")
    app.button(key="datasets-folder-missing").click().run()
    assert "Folder 1 is missing" in texts(app)
    app.text_input(key="datasets-relink-0").set_value(str(moved)).run()
    app.button(key="datasets-relink-go-0").click().run()
    view = resources.jobs().views()[0]
    ended = resources.jobs().wait(view.record.id, 60)
    assert ended.record.status == Status.DONE, resources.jobs().log_of(view.record.id)
    assert open_dataset(full, "colors").roots[0].path == moved.resolve()


@pytest.mark.slow
def test_splitting_anew_makes_the_model_stale_and_not_the_index(
    full: Workspace, visit: Open
) -> None:
    app = open_tool(visit("datasets"), "Split")
    app.toggle(key="datasets-resplit-fixed").set_value(True).run()
    app.number_input(key="datasets-resplit-per-class").set_value(4).run()
    app.button(key="datasets-resplit-go").click().run()
    counts = open_dataset(full, "colors").catalog.class_counts()
    assert {count for _, split, count in counts if split == "train"} == {4}
    assert [str(name).endswith("(stale)") for name in picked(app)] == [False, True, False]


def test_images_without_labels_are_not_trained_on(
    full: Workspace, visit: Open, tmp_path: Path
) -> None:
    flat = class_folders(tmp_path / "flat", red=4) / "red"
    finish(add_folder(full, "flat", Source(root=flat), SplitConfig()))
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
    app.session_state["selection"] = Selection(dataset="flat")
    app.run().switch_page("pages/training.py").run()
    assert "has no labels: training needs at least two classes" in texts(app)


def test_an_index_whose_model_is_gone_leads_to_indexes(full: Workspace, visit: Open) -> None:
    shutil.copytree(full.models / "colors-mobilenet_v3_large-untrained", full.home / "kept")
    delete_artifact(full.models, "colors-mobilenet_v3_large-untrained")
    config = TrainConfig(
        dataset="colors", backbone="mobilenet_v3_large", weights="none", trainable_blocks=5,
        image_size=64, epochs=0, seed=3,
    )  # fmt: skip
    finish(train(full, config))
    app = visit("query")
    assert "was deleted or trained again" in texts(app)
    assert app.button(key="go-to-indexes")


@pytest.mark.slow
def test_a_map_is_offered_and_launched(full: Workspace, visit: Open) -> None:
    app = visit("explore")
    assert "similar images lie close together" in texts(app)
    app.button(key="explore-draw").click().run()
    [view] = resources.jobs().views()
    assert view.record.arguments == ("map", "--index", index_of(full).id)
    resources.jobs().stop(view.record.id)
    resources.jobs().wait(view.record.id, 90)


def test_a_strange_class_name_is_shown_as_it_is(
    empty: Workspace, visit: Open, tmp_path: Path
) -> None:
    folder = tmp_path / "in" / "[link](www.evil.example) *bold*"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(png(solid("red")))
    finish(add_folder(empty, "odd", Source(root=tmp_path / "in"), SplitConfig()))
    app = visit("training")
    assert "one class" in texts(app)
    assert not visit("datasets").exception


@pytest.mark.slow
def test_a_model_that_knows_no_classes_is_shown_and_searched_with(
    full: Workspace, visit: Open, tmp_path: Path
) -> None:
    weights = backbone_file(tmp_path / "own.pth", "resnet18")
    backbone = BackboneModelConfig(
        dataset="colors",
        backbone="resnet18",
        weights=str(weights),
        dimension=8,
        image_size=32,
    )
    model = finish(fit_backbone_model(full, backbone))
    embeddings = finish(embed_dataset(full, "colors", model.id))
    index = finish(build_index(full, embeddings.id, IndexConfig()))
    finish(evaluate(full, EvaluateConfig(index=index.id)))
    for name in PAGES:
        assert not visit(name).exception
    models = visit("training").dataframe[-1].value
    assert model.id in list(models["model"])
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
    app.query_params |= {"dataset": "colors", "index": index.id}
    app.run().switch_page("pages/query.py").run()
    app.button(key="query-random").click().run()
    assert "kNN vote **" in texts(app)
    assert not app.exception
