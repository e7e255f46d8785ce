"""The Data quality page through Home.py: analysis, each check, and corrections."""

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from core.datasets import curation
from core.datasets.catalog import Catalog
from core.datasets.registry import delete_dataset, open_dataset
from core.lineage.graph import read_lineage
from core.progress import finish
from core.quality.analysis import analyze
from core.quality.config import AnalysisConfig, Check
from core.workspace import Workspace
from pages.parts.components import exclude_dialog
from pages.parts.data_quality import overview
from pages.parts.data_quality.titles import OVERVIEW, TITLES
from state import resources
from tests.support.page_fixtures import Open, last_job, said_in_passing, stop_jobs, texts


@pytest.fixture
def analyzed(full: Workspace) -> Workspace:
    """Ten red, green and blue images each, analyzed; the first red one is labeled blue."""
    catalog = catalog_of(full)
    curation.relabel(catalog, [mislabeled(full)], "blue")
    index = read_lineage(full).indexes[0]
    finish(analyze(full, AnalysisConfig(index=index.id, neighbors=5, min_cluster_size=5)))
    return full


def catalog_of(workspace: Workspace) -> Catalog:
    return open_dataset(workspace, "colors").catalog


def mislabeled(workspace: Workspace) -> int:
    rows = catalog_of(workspace).rows()
    return next(row.id for row in rows if row.path.startswith("red/"))


def choose(app: AppTest, check: Check) -> AppTest:
    app.session_state["selection"].quality_view = app.session_state[
        "selection"
    ].quality_view.changed(check=check)
    return app.run()


def select(app: AppTest, *ids: int) -> AppTest:
    app.session_state["selection"].quality_selected = frozenset(ids)
    return app.run()


def keys(app: AppTest) -> set[str]:
    return {str(button.key) for button in app.button}


def test_without_an_index_the_page_leads_to_one(empty: Workspace, visit: Open) -> None:
    app = visit("data_quality")
    assert "An analysis needs a dataset" in texts(app)


@pytest.mark.slow
def test_an_analysis_is_a_job_with_the_chosen_settings(full: Workspace, visit: Open) -> None:
    app = visit("data_quality")
    assert "Find problems in the" in texts(app)
    app.number_input(key="quality-neighbors").set_value(7).run()
    app.button(key="quality-start").click().run()
    arguments = last_job()
    stop_jobs()
    index = read_lineage(full).indexes[0]
    assert arguments == ("analyze", "--index", index.id, "--neighbors", "7")


@pytest.mark.slow
def test_a_label_issue_leaves_the_list_when_accepted_and_returns_after_undo(
    analyzed: Workspace, visit: Open
) -> None:
    catalog, wrong = catalog_of(analyzed), mislabeled(analyzed)
    app = choose(visit("data_quality"), Check.LABEL_ISSUES)
    app = select(app, wrong)
    assert "**1** selected" in texts(app)
    app.button(key="quality-do-accept").click().run()
    assert not app.exception
    assert said_in_passing(app) == "1 image changed"
    assert catalog.rows_by_id([wrong])[wrong].label == "red"
    assert select(app, wrong).session_state["selection"].quality_selected == frozenset()
    app.button(key="quality-undo").click().run()
    assert said_in_passing(app) == "Undone: labeled 1 image as suggested"
    assert catalog.rows_by_id([wrong])[wrong].label == "blue"
    assert curation.tags_of(catalog, [wrong]) == {}
    assert select(app, wrong).session_state["selection"].quality_selected == {wrong}


@pytest.mark.slow
def test_a_correct_label_is_remembered_by_a_tag(analyzed: Workspace, visit: Open) -> None:
    catalog, wrong = catalog_of(analyzed), mislabeled(analyzed)
    app = select(choose(visit("data_quality"), Check.LABEL_ISSUES), wrong)
    app.button(key="quality-do-keep").click().run()
    assert curation.tags_of(catalog, [wrong]) == {wrong: ["label issues checked"]}
    assert "1 reviewed images are hidden" in texts(app)
    app = select(choose(visit("data_quality"), Check.LABEL_ISSUES), wrong)
    assert app.session_state["selection"].quality_selected == frozenset()


@pytest.mark.slow
def test_the_dialog_gives_the_reason_and_continues_with_the_next(
    analyzed: Workspace, visit: Open
) -> None:
    app = choose(visit("data_quality"), Check.LABEL_ISSUES)
    app.session_state["selection"].quality_open = mislabeled(analyzed)
    app.run()
    assert "Label **blue** · suggested **red**" in texts(app)
    assert "% likely mislabeled" in texts(app)
    assert "**5 nearest images**" in texts(app)
    app.button(key="why-exclude").click().run()
    assert not app.exception
    assert catalog_of(analyzed).count() == 29


@pytest.mark.slow
def test_the_overview_shows_each_check_with_its_count_and_opens_it(
    analyzed: Workspace, visit: Open
) -> None:
    app = visit("data_quality")
    assert not app.exception
    headings = [header.value for header in app.header]
    assert headings == [TITLES[check] for check in Check]
    opens = {check: app.button(key=f"quality-open-{check}") for check in Check}
    assert opens[Check.LABEL_ISSUES].label == "1 image"
    assert opens[Check.CLUSTERS].label.endswith(("cluster", "clusters"))
    opens[Check.LABEL_ISSUES].click().run()
    assert app.session_state["selection"].quality_view.check == Check.LABEL_ISSUES
    assert "**1–1** of **1**" in texts(app)
    app.button_group(key="quality-check").set_value(OVERVIEW).run()
    assert app.session_state["selection"].quality_view.check is None
    assert app.header


def test_an_example_opens_its_check(
    analyzed: Workspace, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = visit("data_quality")
    wrong = mislabeled(analyzed)
    monkeypatch.setattr(
        overview, "gallery", lambda tiles, **_: wrong if tiles[0].id == wrong else None
    )
    app.run()
    assert app.session_state["selection"].quality_view.check == Check.LABEL_ISSUES


@pytest.mark.slow
def test_near_duplicates_are_excluded_after_a_confirmation(
    analyzed: Workspace, visit: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = catalog_of(analyzed)
    app = choose(visit("data_quality"), Check.NEAR_DUPLICATES)
    view = app.session_state["selection"].quality_view
    app.session_state["selection"].quality_view = view.changed(threshold=0.8)
    shown: list[str] = []
    monkeypatch.setattr(
        exclude_dialog, "gallery", lambda tiles, label, **_: shown.append(f"{label}: {len(tiles)}")
    )
    app.run()
    app.button(key="quality-near_duplicates-all-model").click().run()
    assert catalog.count() == 30
    label = app.button(key="exclude-confirm").label
    assert shown[-1] == f"Images to exclude: {label.split()[1]}"
    app.button(key="exclude-cancel").click().run()
    assert catalog.count() == 30
    assert "exclude-confirm" not in keys(app.run())
    app.button(key="quality-near_duplicates-all-model").click().run()
    app.button(key="exclude-confirm").click().run()
    assert catalog.count() == 30 - int(label.split()[1])
    assert "exclude-confirm" not in keys(app)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (Check.OUTLIERS, "**1–30** of **30**"),
        (Check.REPRESENTATIVENESS, "**1–30** of **30**"),
        (Check.LEAKAGE, "similarity threshold"),
        (Check.NEAR_DUPLICATES, "similarity threshold"),
        (Check.CLUSTERS, "of **30** images"),
    ],
)
def test_each_check_draws_its_list(
    analyzed: Workspace, visit: Open, check: Check, said: str
) -> None:
    app = choose(visit("data_quality"), check)
    assert not app.exception
    assert said.lower() in texts(app).lower()


@pytest.mark.slow
def test_filters_narrow_a_list(analyzed: Workspace, visit: Open) -> None:
    app = choose(visit("data_quality"), Check.OUTLIERS)
    app.multiselect(key="quality-class").set_value(["red"]).run()
    assert "**1–9** of **9**" in texts(app)
    app.button_group(key="quality-split").set_value(["test"]).run()
    assert "of **9**" not in texts(app)


@pytest.mark.slow
def test_an_image_can_be_moved_to_another_split(analyzed: Workspace, visit: Open) -> None:
    catalog = catalog_of(analyzed)
    app = select(choose(visit("data_quality"), Check.OUTLIERS), 5)
    app.button(key="quality-do-move-test").click().run()
    assert catalog.rows_by_id([5])[5].split == "test"
    assert "**1–29** of **29**" in texts(app)
    app.button(key="quality-undo").click().run()
    assert "**1–30** of **30**" in texts(app)


@pytest.mark.slow
def test_use_as_query_leads_to_the_query_page(analyzed: Workspace, visit: Open) -> None:
    app = select(choose(visit("data_quality"), Check.OUTLIERS), 5)
    app.button(key="quality-do-query").click().run()
    assert not app.exception
    assert app.session_state["selection"].query.images[0].image_id == 5


@pytest.mark.slow
def test_a_cluster_opens_and_closes(analyzed: Workspace, visit: Open) -> None:
    app = choose(visit("data_quality"), Check.CLUSTERS)
    opens = sorted(key for key in keys(app) if key.startswith("quality-cluster-"))
    assert opens, texts(app)
    app.button(key=opens[0]).click().run()
    assert "quality-clusters-back" in keys(app)
    assert not app.exception
    app.button(key="quality-clusters-back").click().run()
    assert "quality-clusters-back" not in keys(app)


@pytest.mark.slow
def test_leakage_is_listed_until_reviewed(analyzed: Workspace, visit: Open) -> None:
    catalog = catalog_of(analyzed)
    app = choose(visit("data_quality"), Check.LEAKAGE)
    app.session_state["selection"].quality_view = app.session_state[
        "selection"
    ].quality_view.changed(threshold=0.8)
    app.run()
    kept = [key for key in keys(app) if key.endswith("-all") and "quality-leakage" in key]
    assert kept, texts(app)
    app.button(key=kept[0]).click().run()
    assert kept[0] not in keys(app)
    app.button(key="quality-undo").click().run()
    assert kept[0] in keys(app)
    assert catalog.count() == 30


@pytest.mark.parametrize("check", [Check.LABEL_ISSUES, Check.REPRESENTATIVENESS])
def test_a_single_class_is_explained(analyzed: Workspace, visit: Open, check: Check) -> None:
    catalog = catalog_of(analyzed)
    curation.relabel(catalog, catalog.ids(), "red")
    app = choose(visit("data_quality"), check)
    assert not app.exception
    if check == Check.LABEL_ISSUES:
        assert "Label issues need at least two classes" in texts(app)


def test_without_labels_the_page_explains_how_to_add_some(analyzed: Workspace, visit: Open) -> None:
    import sqlite3

    catalog = catalog_of(analyzed)
    with sqlite3.connect(catalog.path) as connection:
        connection.execute("UPDATE images SET label = NULL")
    catalog.set_splits({})  # Writes down that it has changed
    assert "No image has a label" in texts(choose(visit("data_quality"), Check.LABEL_ISSUES))


@pytest.mark.slow
def test_a_list_without_remaining_images_is_explained(analyzed: Workspace, visit: Open) -> None:
    catalog = catalog_of(analyzed)
    curation.exclude(catalog, catalog.ids())
    app = choose(visit("data_quality"), Check.OUTLIERS)
    assert not app.exception
    assert "No issues found" in texts(app)
    app.button(key="quality-undo").click().run()
    curation.add_tag(catalog, catalog.ids(), Check.OUTLIERS.checked_tag)
    app.run()
    assert "All images are reviewed" in texts(app)


def test_a_stale_analysis_is_marked(analyzed: Workspace, visit: Open) -> None:
    curation.exclude(catalog_of(analyzed), [3])
    app = visit("data_quality")
    assert ":orange-badge[stale: the dataset has changed]" in texts(app)


def test_a_damaged_analysis_is_reported_and_can_be_repeated(
    analyzed: Workspace, visit: Open
) -> None:
    [folder] = analyzed.analyses.iterdir()
    (folder / "clusters.npy").write_bytes(b"no array")
    app = visit("data_quality")
    assert not app.exception
    assert "is damaged or was changed by hand" in "\n".join(str(e.value) for e in app.error)
    assert "quality-start" in keys(app)


def test_a_deleted_analysis_can_be_repeated(analyzed: Workspace, visit: Open) -> None:
    app = visit("data_quality")
    shutil.rmtree(analyzed.analyses)
    assert "Find problems in the" in texts(app.run())


def test_deleted_embeddings_are_reported(analyzed: Workspace, visit: Open) -> None:
    shutil.rmtree(analyzed.embeddings)
    app = visit("data_quality")
    assert not app.exception
    assert any("There is no" in str(error.value) for error in app.error)


def test_a_deleted_dataset_is_handled(analyzed: Workspace, visit: Open) -> None:
    app = visit("data_quality")
    delete_dataset(analyzed, "colors")
    app.run()
    assert not app.exception
    assert resources.jobs().active() == []
