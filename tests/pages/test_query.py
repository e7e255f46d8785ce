"""The Query page as a person uses it, through Home.py."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.artifacts.folders import delete_artifact
from core.datasets.importing.scan import Source, add_folder
from core.datasets.registry import open_dataset
from core.datasets.splits import SplitConfig
from core.embeddings.embed import embed_dataset
from core.indexes.config import IndexConfig
from core.indexes.files import build_index
from core.lineage.graph import read_lineage
from core.progress import finish
from core.query import ood
from core.query.query import MAX_IMAGES, Query, QueryImage
from core.workspace import PROJECT, Workspace
from state import selection_rules
from tests.factories.images import class_folders, png, solid, speckled
from tests.support.page_fixtures import Open, texts

MODEL = "colors-mobilenet_v3_large-untrained"


def upload(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    """Upload files as one go; the uploader is another one each time."""
    [uploader] = app.file_uploader
    uploader.set_value([(name, content, "image/png") for name, content in files])
    return app.run()


def asked(app: AppTest) -> Query:
    query: Query = app.session_state["selection"].query
    return query


def component(app: AppTest, part: str) -> dict[str, Any] | None:
    """What a component was given, the one whose key has this part; None if it is not there."""
    for element in app.get("bidi_component"):
        if part in element.proto.id:
            data: dict[str, Any] = json.loads(element.proto.json)
            return data
    return None


def titles(app: AppTest, gallery: str = "query-gallery") -> list[str]:
    data = component(app, gallery)
    return [tile["title"] for tile in data["tiles"]] if data else []


@pytest.fixture
def linked(full: Workspace) -> AppTest:
    """The page behind a link to the query by image 3."""
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60)
    app.run()
    app.query_params["image"] = "3"
    app.switch_page("pages/query.py")
    app.query_params["image"] = "3"
    return app.run()


@pytest.mark.slow
def test_without_a_query_an_image_of_the_dataset_can_be_searched_by(
    full: Workspace, visit: Open
) -> None:
    app = visit("query")
    examples = component(app, "query-examples")
    assert examples is not None
    assert len(examples["tiles"]) == 16
    assert {tile["title"] for tile in examples["tiles"]} == {"red", "green", "blue"}
    assert len(app.file_uploader) == 1
    assert titles(app) == []


@pytest.mark.slow
def test_a_batch_of_queries_has_a_form_in_the_place_of_the_query(
    full: Workspace, visit: Open
) -> None:
    app = visit("query")
    app.segmented_control(key="query-mode").set_value("Batch").run()
    assert app.button(key="query-batch-go").disabled
    assert component(app, "query-examples") is None
    app.segmented_control(key="query-mode").set_value("Single query").run()
    assert component(app, "query-examples") is not None


@pytest.mark.slow
def test_the_most_likely_classes_have_their_shares(full: Workspace, visit: Open) -> None:
    app = upload(visit("query"), ("mine.png", png(speckled("red", 3))))
    said = texts(app)
    assert "**Classifier**" in said
    bars = [bar.proto for bar in app.get("progress")]
    assert {bar.text.split(" · ")[0] for bar in bars} == {"red", "green", "blue"}
    assert all(0 <= bar.value <= 100 for bar in bars)


@pytest.mark.slow
def test_an_upload_that_is_indexed_is_found_first(full: Workspace, visit: Open) -> None:
    app = upload(visit("query"), ("mine.png", png(speckled("red", 3))))
    assert not app.exception
    assert titles(app)[0] == "1 · red"
    said = texts(app)
    assert "kNN vote **red**" in said
    assert "embed" in said
    assert "mine\\.png" in said
    assert "**20 matches**" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.png", b"not an image"),
        ("cut.png", png(solid("red", 200))[:100]),
        ("empty.jpg", b""),
    ],
)
def test_an_upload_that_is_no_image_gets_one_sentence_and_the_next_is_answered(
    full: Workspace, visit: Open, name: str, content: bytes
) -> None:
    app = upload(visit("query"), (name, content))
    assert not app.exception
    assert name in app.error[0].value.replace("\\", "")
    upload(app, ("good.png", png(solid("red"))))
    assert not app.error
    assert titles(app)


@pytest.mark.slow
def test_of_several_uploads_those_that_are_images_are_one_query(
    full: Workspace, visit: Open
) -> None:
    files = [("a.png", png(solid("red"))), ("b.png", b"no"), ("c.png", png(solid("blue")))]
    app = upload(visit("query"), *files)
    assert len(asked(app).images) == 2
    assert "b\\.png" in app.error[0].value
    assert len(component(app, "query-images")["tiles"]) == 2  # type: ignore[index]


@pytest.mark.slow
def test_sixty_files_at_once_are_cut_to_what_a_query_takes(full: Workspace, visit: Open) -> None:
    files = [(f"{number}.png", png(speckled("red", number))) for number in range(60)]
    app = upload(visit("query"), *files)
    assert len(asked(app).images) == MAX_IMAGES
    assert "44 of 60 were skipped" in app.error[0].value
    assert titles(app)


@pytest.mark.slow
def test_an_upload_takes_the_place_of_the_query_unless_it_is_to_join(
    full: Workspace, visit: Open
) -> None:
    app = upload(visit("query"), ("a.png", png(solid("red"))))
    upload(app, ("b.png", png(solid("blue"))))
    assert len(asked(app).images) == 1
    app.toggle(key="query-add").set_value(True).run()
    upload(app, ("c.png", png(solid("green"))))
    assert len(asked(app).images) == 2


def test_a_link_reopens_a_query_by_an_image_of_the_dataset(linked: AppTest) -> None:
    assert asked(linked) == Query(images=(QueryImage(image_id=3),))
    assert "class **" in texts(linked)
    assert "precision@20 **" in texts(linked)


def test_an_image_of_the_dataset_is_no_match_of_itself(linked: AppTest) -> None:
    tiles = component(linked, "query-gallery")["tiles"]  # type: ignore[index]
    assert 3 not in [tile["id"] for tile in tiles]
    assert {tile["mark"] for tile in tiles} <= {"hit", "miss"}


def test_a_link_to_an_image_that_is_gone_says_so(full: Workspace, linked: AppTest) -> None:
    open_dataset(full, "colors").catalog.forget([3])
    linked.run()
    assert not linked.exception
    assert "no longer in the dataset" in linked.error[0].value
    assert component(linked, "query-examples")["tiles"]  # type: ignore[index]


def test_a_query_by_an_image_of_a_folder_that_is_gone_says_what_to_do(
    full: Workspace, linked: AppTest
) -> None:
    dataset = open_dataset(full, "colors")
    dataset.roots[0].path.rename(dataset.roots[0].path.with_name("moved"))
    linked.run()
    assert not linked.exception
    assert "set its new path on the Datasets page" in linked.error[0].value


def test_more_matches_are_had_until_there_are_no_more(linked: AppTest) -> None:
    linked.button(key="query-further").click().run()
    assert linked.query_params["k"] == "50"
    assert "29 of 50 requested matches found." in texts(linked)


def test_more_matches_than_fit_are_on_several_pages(
    linked: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pages.parts.query.results.ON_A_PAGE", 8)
    linked.run()
    assert not linked.exception
    assert len(titles(linked)) == 8
    linked.session_state["query-results-page"] = 3
    linked.run()
    assert len(titles(linked)) == 4


def test_an_index_that_probes_some_lists_says_so(full: Workspace, linked: AppTest) -> None:
    [index] = read_lineage(full).indexes
    config = IndexConfig(kind="ivf", nlist=3, nprobe=1)
    made = finish(build_index(full, index.made_from["embeddings"], config))
    linked.query_params["index"] = made.id
    linked.session_state["selection"].index = made.id
    linked.run()
    assert "of 29: this index probes 1 of 3 lists." in texts(linked)


@pytest.mark.slow
def test_only_images_of_a_class_are_sought_and_the_address_says_so(linked: AppTest) -> None:
    linked.multiselect(key="query-labels").set_value(["blue"]).run()
    assert linked.query_params["class"] == "blue"
    assert {title.split(" · ")[1] for title in titles(linked)} == {"blue"}
    assert "9 of 20 requested matches found." in texts(linked)  # Itself is the tenth
    linked.button(key="query-chip-0").click().run()
    assert "class" not in linked.query_params
    assert len(titles(linked)) == 20


@pytest.mark.slow
def test_duplicates_can_each_be_a_match_and_the_address_says_so(linked: AppTest) -> None:
    linked.toggle(key="query-fold").set_value(False).run()
    assert not linked.exception
    assert linked.query_params["duplicates"] == "each"
    linked.toggle(key="query-fold").set_value(True).run()
    assert "duplicates" not in linked.query_params


def test_where_nothing_fits_the_page_says_what_to_do(linked: AppTest) -> None:
    linked.text_input(key="query-text").set_value("nowhere").run()
    assert not linked.exception
    assert "No matches. Remove a filter" in texts(linked)


@pytest.mark.slow
def test_the_category_of_an_upload_can_be_said(full: Workspace, visit: Open) -> None:
    app = upload(visit("query"), ("mine.png", png(speckled("red", 3))))
    assert {tile["mark"] for tile in component(app, "query-gallery")["tiles"]} == {""}  # type: ignore[index]
    app.selectbox(key="query-label").select("red").run()
    assert " of 20 red · precision@20" in texts(app)
    assert "hit" in {tile["mark"] for tile in component(app, "query-gallery")["tiles"]}  # type: ignore[index]


def mark(app: AppTest, *ids: int) -> AppTest:
    app.session_state["selection"].selected_matches = frozenset(ids)
    return app.run()


@pytest.mark.slow
def test_matches_that_are_liked_refine_the_query_and_steps_can_be_walked_back(
    linked: AppTest,
) -> None:
    mark(linked, 5, 6).button(key="query-more").click().run()
    assert asked(linked).positives == (5, 6)
    assert linked.query_params["positive"] == ["5", "6"]
    mark(linked, 7).button(key="query-less").click().run()
    assert asked(linked).negatives == (7,)
    shown = component(linked, "query-gallery")["tiles"]  # type: ignore[index]
    assert 7 not in [tile["id"] for tile in shown]
    assert "positive" in {chip for tile in shown for chip in tile["chips"]}
    linked.button(key="query-back").click().run()
    assert (asked(linked).positives, asked(linked).negatives) == ((5, 6), ())
    linked.button(key="query-back").click().run()
    assert asked(linked) == Query(images=(QueryImage(image_id=3),))
    linked.button(key="query-forward").click().run()
    assert asked(linked).positives == (5, 6)
    linked.button(key="query-judged-5").click().run()
    assert asked(linked).positives == (6,)


def test_marked_matches_become_the_query(linked: AppTest) -> None:
    mark(linked, 5, 6).button(key="query-by").click().run()
    assert [image.image_id for image in asked(linked).images] == [5, 6]
    assert not linked.session_state["selection"].selected_matches


@pytest.mark.slow
def test_an_image_of_the_query_can_be_unwanted_and_taken_away(linked: AppTest) -> None:
    mark(linked, 5, 6).button(key="query-by").click().run()
    linked.button(key="query-image-sign").click().run()
    assert [image.is_positive for image in asked(linked).images] == [False, True]
    assert linked.query_params["negative_image"] == "5"
    linked.button(key="query-image-remove").click().run()
    assert [image.image_id for image in asked(linked).images] == [6]


def test_a_question_is_left_for_another_page_and_found_again(linked: AppTest) -> None:
    linked.switch_page("pages/datasets.py").run()
    linked.switch_page("pages/query.py").run()
    assert asked(linked) == Query(images=(QueryImage(image_id=3),))
    assert titles(linked)


@pytest.mark.slow
def test_the_history_has_every_question_once(full: Workspace, visit: Open) -> None:
    app = visit("query")
    for _ in range(3):
        app.button(key="query-random").click().run()
    app.session_state["query-history-open"] = True
    app.run()
    assert 1 <= len(component(app, "query-history")["tiles"]) <= 3  # type: ignore[index]
    assert not app.exception


def test_two_indexes_are_compared_side_by_side(full: Workspace, linked: AppTest) -> None:
    [index] = read_lineage(full).indexes
    finish(build_index(full, index.made_from["embeddings"], IndexConfig(kind="hnsw")))
    linked.run()
    other = linked.selectbox(key="query-compared")
    other.set_value(next(i for i in read_lineage(full).indexes if i.id != index.id).id)
    linked.run()
    assert not linked.exception
    left, right = titles(linked, "query-compare-left"), titles(linked, "query-compare-right")
    assert len(left) == len(right) == 20
    assert left[0] == right[0]
    assert any("ranks up or down" in one.value for one in linked.caption)


@pytest.mark.slow
def test_an_index_to_compare_with_that_is_damaged_is_said(full: Workspace, linked: AppTest) -> None:
    [index] = read_lineage(full).indexes
    finish(build_index(full, index.made_from["embeddings"], IndexConfig(kind="hnsw")))
    linked.run()
    name = next(i for i in read_lineage(full).indexes if i.id != index.id).id
    [file] = (full.indexes / name).glob("*.faiss")
    file.write_bytes(file.read_bytes()[:-1])
    linked.selectbox(key="query-compared").set_value(name)
    linked.run()
    assert not linked.exception
    [error] = linked.error
    assert name in error.value.replace("\\", "")
    linked.selectbox(key="query-compared").set_value(None)
    linked.run()
    assert not linked.error
    assert len(titles(linked, "query-gallery")) == 20


@pytest.mark.slow
def test_a_match_that_is_open_says_why_it_matches(linked: AppTest) -> None:
    tiles = component(linked, "query-gallery")["tiles"]  # type: ignore[index]
    linked.session_state["selection"].open_match = tiles[0]["id"]
    linked.run()
    assert not linked.exception
    compared = component(linked, "match-regions")
    assert compared is not None
    assert [side["name"] for side in compared["sides"]] == ["query", "match"]
    assert "1 of 20" in texts(linked)
    linked.button(key="match-right").click().run()
    assert linked.session_state["selection"].open_match == tiles[1]["id"]
    assert "2 of 20" in texts(linked)
    linked.button(key="match-by").click().run()
    assert asked(linked).images == (QueryImage(image_id=tiles[1]["id"]),)
    assert linked.session_state["selection"].open_match is None


def test_a_match_that_is_closed_leaves_the_matches(linked: AppTest) -> None:
    tiles = component(linked, "query-gallery")["tiles"]  # type: ignore[index]
    linked.session_state["selection"].open_match = tiles[0]["id"]
    linked.run()
    linked.button(key="match-close").click().run()
    assert not linked.exception
    assert component(linked, "match-regions") is None
    assert len(titles(linked, "query-gallery")) == 20


@pytest.mark.slow
def test_a_match_that_left_the_dataset_is_missing_and_the_rest_stands(
    full: Workspace, linked: AppTest
) -> None:
    gone = component(linked, "query-gallery")["tiles"][0]["id"]  # type: ignore[index]
    open_dataset(full, "colors").catalog.forget([gone])
    linked.run()
    assert not linked.exception
    first = component(linked, "query-gallery")["tiles"][0]  # type: ignore[index]
    assert (first["id"], first["note"]) == (gone, "no longer in the dataset")
    linked.session_state["selection"].open_match = gone
    linked.run()
    assert "no longer in the dataset" in linked.warning[0].value


def test_a_match_whose_file_is_gone_is_shown_with_the_reason(
    full: Workspace, linked: AppTest
) -> None:
    dataset = open_dataset(full, "colors")
    for row in dataset.catalog.rows():
        dataset.path_of(row).unlink()
    linked.session_state["selection"].open_match = 4
    linked.run()
    assert not linked.exception


@pytest.mark.slow
def test_a_crop_of_three_pixels_gets_one_sentence(full: Workspace) -> None:
    app = AppTest.from_file(str(PROJECT / "Home.py"), default_timeout=60).run()
    app.switch_page("pages/query.py")
    app.query_params["image"] = "3 0 0 0 0.08 0.08 0"
    app.run()
    assert not app.exception
    assert "which is too small" in app.error[0].value


def test_an_upload_that_is_no_longer_kept_is_named(full: Workspace, visit: Open) -> None:
    app = visit("query")
    query = Query(images=(QueryImage(digest="ab" * 32),))
    app.session_state["selection"].query = query
    app.run()
    assert not app.exception
    assert "Upload it again" in app.error[0].value


def test_an_index_that_goes_while_it_is_asked_leads_on(full: Workspace, linked: AppTest) -> None:
    [index] = read_lineage(full).indexes
    delete_artifact(full.indexes, index.id)
    linked.run()
    assert not linked.exception
    assert "is not indexed" in texts(linked)


def test_a_model_edited_by_hand_is_refused_on_the_page(full: Workspace, visit: Open) -> None:
    path = full.models / MODEL / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    app = visit("query")
    app.button(key="query-random").click().run()
    assert not app.exception
    said = app.error[0].value.replace("\\", "")
    assert "model.safetensors is damaged or was changed by hand" in said


def test_another_dataset_begins_with_no_question(
    full: Workspace, linked: AppTest, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "flat", red=4) / "red"
    finish(add_folder(full, "flat", Source(root=root), SplitConfig()))
    embeddings = finish(embed_dataset(full, "flat", MODEL))
    finish(build_index(full, embeddings.id, IndexConfig()))
    selection_rules.choose_dataset(linked.session_state["selection"], "flat", read_lineage(full))
    linked.run()
    assert asked(linked) == Query()
    assert "image" not in linked.query_params
    assert linked.query_params["dataset"] == "flat"
    assert component(linked, "query-examples") is not None


@pytest.mark.slow
def test_an_upload_beyond_the_limit_is_refused_whatever_the_browser_let_through(
    full: Workspace, visit: Open
) -> None:
    app = upload(visit("query"), ("big.png", bytes(26 << 20)))
    assert "big\\.png is larger than 25 MB" in app.error[0].value
    assert not app.exception


@pytest.mark.slow
def test_a_query_unlike_all_there_is_said_to_be(
    full: Workspace, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = upload(visit("query"), ("mine.png", png(speckled("red", 3))))
    assert "In distribution" in texts(app)
    assert "(held-out median " in texts(app)
    monkeypatch.setattr(ood, "BORDERLINE_BELOW", 101)
    app = upload(visit("query"), ("same.png", png(speckled("red", 76))))
    assert "Borderline" in texts(app)
    assert "of held-out images)" in texts(app)
    monkeypatch.setattr(ood, "OOD_BELOW", 101)
    app = upload(visit("query"), ("other.png", png(speckled("red", 77))))
    assert "Out of distribution" in texts(app)


@pytest.mark.slow
def test_the_neighbors_speak_first_where_the_model_learnt_from_another_dataset(
    full: Workspace, visit: Open, tmp_path: Path
) -> None:
    root = class_folders(tmp_path / "fruit", red=4, green=4)
    (root / "red").rename(root / "cherry")
    (root / "green").rename(root / "pea")
    finish(add_folder(full, "fruit", Source(root=root), SplitConfig()))
    embeddings = finish(embed_dataset(full, "fruit", MODEL))
    finish(build_index(full, embeddings.id, IndexConfig()))
    app = visit("query")
    selection_rules.choose_dataset(app.session_state["selection"], "fruit", read_lineage(full))
    upload(app.run(), ("mine.png", png(speckled("red", 3))))
    [line] = [text.value for text in app.markdown if "kNN vote **" in text.value]
    vote, classifier = line.split(" · ")[:2]
    assert re.fullmatch(r"kNN vote \*\*(cherry|pea)\*\* \d+%", vote)
    assert re.fullmatch(r"classifier \*\*(red|green|blue)\*\* \d+%", classifier)
    assert r"Classifier \(colors\)" in texts(app)
